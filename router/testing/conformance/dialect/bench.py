"""What the rules for dialects share: the dialect, and examples of all that it has to render."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from router.errors import RouterError
from router.http import samples
from router.money.prices import Price
from router.plugin_host.registry import Plugin
from router.testing.conformance.base import Failed, Suite
from router.types.dialect import Dialect
from router.types.offers import Listed
from router.types.records import ModelCard

__all__ = ["DIALECT", "DialectBench", "as_json", "open_bench"]

_ODD_IDS = ("a/b/c:free", "Qwen/Qwen-Plus", "modèle ☃", 'quo"ted\\', "x" * 300, "<b>&amp;</b>")


@dataclass(frozen=True)
class DialectBench:
    """One dialect under test.

    Attributes:
        plugin: the plugin.
        dialect: what its hook returned.
    """

    plugin: Plugin
    dialect: Dialect

    def errors(self) -> list[RouterError]:
        """One of every error that clients may meet, new each time."""
        return [*samples.call_errors(), *samples.keyed_errors(), *samples.estimator_errors()]

    def listed(self) -> list[Listed]:
        """Models with and without price, window and offer, free ones, and some with odd IDs."""
        free, partial = Price(input=0, output=0), Price(input=1)
        card = ModelCard("model", owned_by="acme", created=1_700_000_000, context_window=8_192, max_output=1_024)
        models = [Listed(name, card, Price(input=1, output=2)) for name in _ODD_IDS]
        models += [Listed("free", card, free), Listed("unpriced", card, None, available=False)]
        models += [Listed("bare", ModelCard("bare")), Listed("half", card, partial, currency="EUR")]
        models += [Listed("embed", replace(card, kind="embeddings"), partial)]
        return [*models, *samples.models(self.dialect, "USD")]


@contextmanager
def open_bench(plugin: Plugin) -> Iterator[DialectBench]:
    """The dialect, as the host asks for it.

    Raises:
        Failed: the hook returned something else.
    """
    dialect = plugin.hooks["dialect"]()
    if not isinstance(dialect, Dialect):
        raise Failed(f"dialect() returned a {type(dialect).__name__}", "Return an instance of router.Dialect.")
    yield DialectBench(plugin, dialect)


def as_json(value: Any, what: str) -> str:
    """A rendered value as strict JSON.

    Raises:
        Failed: it is none.
    """
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise Failed(f"{what} is no JSON: {error}") from None


DIALECT: Suite[DialectBench] = Suite("dialect", open_bench)
