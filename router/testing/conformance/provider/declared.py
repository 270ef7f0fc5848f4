"""What a provider declares before it is ever called: its hooks and its settings."""

from __future__ import annotations

from router.settings import ProviderSettings
from router.testing.conformance.base import expect
from router.testing.conformance.provider.bench import PROVIDER, Bench

__all__ = ["settings_are_a_record"]


@PROVIDER.rule(
    "P01",
    "Its settings are router.ProviderSettings or a subclass.",
    remedy="Return a frozen dataclass that derives from router.ProviderSettings from the settings hook.",
)
def settings_are_a_record(bench: Bench) -> None:
    declare = bench.plugin.hooks.get("settings")
    record = declare() if declare is not None else ProviderSettings
    expect(isinstance(record, type) and issubclass(record, ProviderSettings), f"settings() returned {record!r}")
