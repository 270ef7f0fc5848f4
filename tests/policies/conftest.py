"""Policies called as the host calls them, without a host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import Any

import pytest

from router import Claim, Key, Limits, Outcome, PolicyContext, Quote
from router.plugin_host.registry import load_plugins

NOON = 1_753_272_000.0  # 2025-07-23 12:00 UTC, a Wednesday


class Driver:
    """One installed policy in its role."""

    def __init__(self, name: str, role: str) -> None:
        plugin = load_plugins(enabled=[name]).plugins[name]
        assert plugin.roles == (role,), plugin.problem
        self._hooks, self._role = plugin.hooks, role
        self._settings = plugin.hooks["settings"]()() if "settings" in plugin.hooks else None

    def claims(self, key: Key, quote: Quote, *, at: float = NOON, **context: Any) -> list[Claim]:
        hook = self._hooks[f"{self._role}_claims"]
        return list(hook(call=None, key=key, quote=quote, context=self._context(at, **context)))

    def settle(self, claims: Sequence[Claim], outcome: Outcome) -> list[int]:
        hook = self._hooks[f"{self._role}_settle"]
        return list(hook(claims=claims, outcome=outcome, context=self._context(NOON)))

    def _context(self, at: float, timezone: tzinfo | None = None, settings: Any = None) -> PolicyContext:
        settings = settings if settings is not None else self._settings
        return PolicyContext(at, settings=settings) if timezone is None else PolicyContext(at, timezone, settings)


@pytest.fixture(scope="session")
def policy() -> Callable[[str, str], Driver]:
    """``policy("windows", "rate_limit")``."""
    return Driver


@pytest.fixture
def key() -> Callable[..., Key]:
    """``key(requests_per_minute=5)``; ``account={...}`` gives the account's limits."""

    def make(account: dict[str, int] | None = None, **limits: int) -> Key:
        return Key("key_1", "acct_1", limits=Limits(**limits), account_limits=Limits(**(account or {})))

    return make
