"""Model IDs that a command is given: known, or refused with the nearest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from router.cli.support.session import CommandSession
from router.errors import NotFound, Unavailable
from router.plugin_host.registry import nearest
from router.providers.configured import ConfiguredProvider

__all__ = ["check_models", "check_provider", "check_scope"]


def check_models(session: CommandSession, model_ids: Iterable[str]) -> None:
    """Each must lead somewhere; a provider that is not set up is a warning, as the gateway may have its key.

    Raises:
        ModelNotFound: naming the nearest IDs.
    """
    for model_id in model_ids:
        try:
            session.assembly.resolver.route(model_id)
        except Unavailable as error:
            session.note(f"warning: {error.in_full}")


def check_scope(session: CommandSession, scope: Iterable[str]) -> None:
    """As ``check_models``, for what a key may use: model IDs and ``PROVIDER/*``."""
    for one in scope:
        if one.endswith("/*"):
            check_provider(session.assembly.providers, one.removesuffix("/*"))
        else:
            check_models(session, [one])


def check_provider(providers: Mapping[str, ConfiguredProvider], name: str) -> None:
    """Raises:
    NotFound: there is no such provider; names the nearest.
    """
    if name not in providers:
        known = ", ".join(sorted(providers))
        raise NotFound(f"There is no provider {name!r}{nearest(name, providers)} (there are: {known}).")
