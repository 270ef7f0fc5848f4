"""A test call of a provider from the console: the same as the command's, with its outcome in the audit log."""

from __future__ import annotations

from typing import Any

from router.db.transaction import Transaction
from router.errors import RouterError, Unavailable, faults
from router.office.actor import Actor
from router.office.audit import Change, list_audit, write
from router.office.office import Office, provider_of
from router.providers.configured import ConfiguredProvider
from router.providers.probe import probe
from router.store.audit import AuditEntry

__all__ = ["WITHIN_S", "last_test", "test_provider"]

WITHIN_S = 20.0
"""How long each wait of a test call may take: somebody looks at a page meanwhile."""

_ACTION = "providers test"
_MESSAGE_MAX = 300


def test_provider(office: Office, actor: Actor, name: str, model: str) -> list[dict[str, Any]]:
    """Make one tiny real call to each of a provider's endpoints; as ``router.providers.probe.probe``.

    Args:
        model: the upstream's name; empty for the cheapest on its list.

    Raises:
        NotFound: there is no such provider; names the nearest.
        ConfigError: it is not set up.
        BadRequest: no model is known, or the plugin refused the call.
        Unavailable: the plugin failed.
    """
    results = _called(provider_of(office.providers, name), model or None)
    told = [{key: _short(value) for key, value in one.items() if key not in ("provider", "remedy")} for one in results]

    def tell(transaction: Transaction) -> Change[list[dict[str, Any]]]:
        return Change(results, name, {"endpoints": told})

    return write(office, actor, _ACTION, tell)


def last_test(office: Office, name: str) -> AuditEntry | None:
    """The newest test call of a provider: who made it, and in ``detail["endpoints"]`` what came of it."""
    found = list_audit(office, action=_ACTION, subject=name, limit=1)
    return found[0] if found else None


def _called(provider: ConfiguredProvider, model: str | None) -> list[dict[str, Any]]:
    try:
        return probe(provider, model, within_s=WITHIN_S)
    except RouterError:
        raise
    except faults() as error:
        raise Unavailable(
            f"The plugin {provider.kind!r} failed: {type(error).__name__}: {str(error)[:_MESSAGE_MAX]}",
            code="plugin_failed",
        ) from error


def _short(value: Any) -> Any:
    return value[:_MESSAGE_MAX] if isinstance(value, str) else value
