"""The portal's processes: what they are told, and where it is found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from router.config.file import Settings, load_settings
from router.config.portal import portal_scheme
from router.server.companion import CompanionPlan

__all__ = ["PORTAL_APP", "listening", "portal_address", "portal_plan", "portal_text"]

PORTAL_APP = "router.portal.application:create_portal"
"""What the portal's own workers serve."""

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what is listened on, and where that is found


def listening(environ: Mapping[str, str], host: str | None, port: int | None) -> dict[str, str]:
    """An environment by which a process knows where the gateway listens, for options win over the file: pages show it.

    Args:
        host, port: as the options say; None, or a port that is not known yet, leaves it to the configuration.
    """
    told = {"ROUTER__SERVER__HOST": host, "ROUTER__SERVER__PORT": str(port) if port else None}
    given = {name: value for name, value in told.items() if value is not None}
    return {name: value for name, value in environ.items() if name.upper() not in given} | given


def portal_plan(
    start: Settings, app: str = PORTAL_APP, host: str | None = None, port: int | None = None
) -> Callable[[bytes | None], CompanionPlan | None]:
    """What the portal beside a gateway is to be, by the configuration that the gateway serves by.

    Args:
        start: the configuration of the start; the environment is that for good.
        app: what it serves.
        host, port: where the gateway listens, as ``listening`` has it.
    """
    config = start.path.absolute()

    def plan(text: bytes | None) -> CompanionPlan | None:
        from router.app.installed import registry_of_settings
        from router.app.keyless import keyless_environ, keyless_text

        settings = load_settings(config, start.environ, content=text)
        portal, server = settings.portal, settings.server
        if not portal.enabled or not portal.workers:
            return None
        arguments = ["--config", str(config), "--app", app, "--workers", str(portal.workers)]
        arguments += ["--host", portal.host, "--port", str(portal.port)]
        arguments += ["--scheme", portal_scheme(portal, server)]
        arguments += ["--grace-s", repr(server.grace_s + server.unready_s)]
        if start.metrics.enabled:
            arguments.append("--metrics")
        registry = registry_of_settings(settings)
        environ = listening(keyless_environ(settings, registry), host, port)
        return CompanionPlan(tuple(arguments), environ, keyless_text(settings, registry))

    return plan


def portal_text(config: Path, start: Settings) -> bytes | None:
    """What the file holds now, without providers' secrets; None where it cannot be read.

    Raises:
        ConfigError: it is no configuration.
    """
    from router.app.installed import registry_of_settings
    from router.app.keyless import keyless_text

    try:
        content = config.read_bytes()
    except OSError:
        return None
    settings = load_settings(config, start.environ, content=content)
    return keyless_text(settings, registry_of_settings(settings))


def portal_address(settings: Settings, gateway_url: str) -> str:
    """Where browsers find the portal; empty where there is none, or where its port is not known yet.

    Args:
        gateway_url: where the gateway serves.
    """
    portal = settings.portal
    if not portal.enabled:
        return ""
    if portal.public_url or not portal.workers:
        return (portal.public_url or gateway_url).rstrip("/")
    host = _EVERYWHERE.get(portal.host, portal.host)
    shown = f"[{host}]" if ":" in host else host
    return f"{portal_scheme(portal, settings.server)}://{shown}:{portal.port}" if portal.port else ""
