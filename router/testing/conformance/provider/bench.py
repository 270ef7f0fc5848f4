"""What the rules for providers share: the plugin in a running gateway, before an upstream that speaks its wire."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from router.registry import Plugin
from router.testing.conformance.base import Suite

__all__ = ["PROVIDER", "Bench"]


@dataclass(frozen=True)
class Bench:
    """One provider under test."""

    plugin: Plugin


@contextmanager
def open_bench(plugin: Plugin) -> Iterator[Bench]:
    """The bench of a plugin."""
    yield Bench(plugin)


PROVIDER: Suite[Bench] = Suite("provider", open_bench)
