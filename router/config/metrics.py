"""``[metrics]`` of ``router.toml``: where Prometheus finds the gateway's figures, and what it must show."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address

from router.config.provider import Secret
from router.errors import ConfigError

__all__ = ["MetricsSettings", "check_metrics"]

_LISTEN = re.compile(r"(?:\[[0-9a-fA-F:]+\]|[\w.-]*):\d{1,5}")


@dataclass(frozen=True)
class MetricsSettings:
    """Whether and where Prometheus may read what the gateway does (docs/monitoring.md).

    Attributes:
        listen: ``HOST:PORT`` of a listener of its own, such as ``127.0.0.1:9464``; port 0 takes a free one, empty is
            none, and then nothing is measured.
        token: what a request must show as ``Authorization: Bearer TOKEN``; ``env:NAME`` keeps it out of the file. An
            address that other machines reach needs one.
    """

    listen: str = ""
    token: Secret = field(default=Secret())

    def __post_init__(self) -> None:
        if self.listen and (not _LISTEN.fullmatch(self.listen) or self.port > 65_535):
            raise ValueError(f"listen must be HOST:PORT such as 127.0.0.1:9464, not {self.listen!r}")

    @property
    def enabled(self) -> bool:
        """Whether anything is measured."""
        return bool(self.listen)

    @property
    def host(self) -> str:
        """The address of ``listen``."""
        return self.listen.rpartition(":")[0].strip("[]") or "127.0.0.1"

    @property
    def port(self) -> int:
        """The port of ``listen``."""
        return int(self.listen.rpartition(":")[2])


def check_metrics(metrics: MetricsSettings, where: Callable[[str], str]) -> None:
    """Refuse a listener that strangers could ask. For who starts it: other processes need not know the token.

    Args:
        where: names the place of a dotted key.

    Raises:
        ConfigError: what is wrong, where, and the remedy.
    """
    if not metrics.enabled or metrics.token:
        return
    text = "a long random text (`openssl rand -hex 32`)"
    if metrics.token.source.startswith("env:"):
        name = metrics.token.source.removeprefix("env:")
        place = where("metrics.token")
        raise ConfigError(f"{place}: the variable {name} is not set, and anybody could ask: set it to {text}")
    if not _is_loopback(metrics.host):
        raise ConfigError(
            f"{where('metrics.listen')}: {metrics.host} can be reached from other machines, and figures are for nobody "
            f'but you: set [metrics] token = "env:NAME" and that variable to {text}, or listen on 127.0.0.1'
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
