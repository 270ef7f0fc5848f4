"""The catalogue: merging lists and rows, and how fresh it is, on a clock of the test's own."""

from __future__ import annotations

from dataclasses import replace

from router.catalogue import Catalogue, OperatorCatalogue, OverrideRow, ProviderModels
from router.catalogue.merging import build_snapshot
from router.errors import StoreError
from router.types.records import ModelCard

GPT, MINI = ModelCard("gpt", owned_by="openai", created=7), ModelCard("mini")
OTHER = ProviderModels([ModelCard("gpt")], {"own/Model": {}, "gpt": {}}, unlisted=True)
LISTINGS = {"openai": ProviderModels([GPT, MINI]), "other": OTHER}
NOTHING = OperatorCatalogue()


class Shelf:
    """The operator's rows, as a database would give them."""

    def __init__(self) -> None:
        self.stored = NOTHING
        self.number = 0
        self.asked = self.loaded = 0
        self.away = False

    def put(self, stored: OperatorCatalogue) -> None:
        self.stored = stored
        self.number += 1

    def version(self) -> int:
        self.asked += 1
        if self.away:
            raise StoreError("away")
        return self.number

    def load(self) -> OperatorCatalogue:
        self.loaded += 1
        return self.stored


def ids(stored: OperatorCatalogue) -> list[str]:
    return [entry.id for entry in build_snapshot(LISTINGS, stored).listed()]


def test_the_providers_lists_alone() -> None:
    snapshot = build_snapshot(LISTINGS, NOTHING)
    assert ids(NOTHING) == ["openai/gpt", "openai/mini", "other/gpt", "other/own/Model"]
    assert snapshot.entries["openai/gpt"].card is GPT
    assert snapshot.entries["other/own/Model"].source == "configuration"
    assert [entry.provider for entry in snapshot.by_model["gpt"]] == ["openai", "other"]
    assert snapshot.unlisted == {"other"}


def test_a_switch_hides_a_listed_model_and_means_nothing_for_another() -> None:
    rows = (OverrideRow("openai/gpt", None, None, "", False), OverrideRow("openai/none", None, None, "", True))
    assert ids(OperatorCatalogue(rows)) == ["openai/mini", "other/gpt", "other/own/Model"]
    assert build_snapshot(LISTINGS, OperatorCatalogue(rows)).entries["openai/gpt"].enabled is False


def test_a_row_gives_a_model_a_name_of_its_own() -> None:
    snapshot = build_snapshot(LISTINGS, OperatorCatalogue((OverrideRow("best", "openai", "gpt", "chat", True),)))
    assert snapshot.entries["best"].card is GPT
    assert snapshot.by_target["openai/gpt"].id == "openai/gpt"
    unlisted = build_snapshot(
        LISTINGS, OperatorCatalogue((OverrideRow("emb", "openai", "e-1", "embeddings", True),))
    ).entries["emb"]
    assert (unlisted.card.model, unlisted.card.kind, unlisted.source) == ("e-1", "embeddings", "operator")


def test_a_row_of_a_provider_that_is_not_active_stays_out() -> None:
    assert "best" not in ids(OperatorCatalogue((OverrideRow("best", "gone", "gpt", "chat", True),)))


def test_aliases_are_listed_where_their_target_is() -> None:
    aliases = {"fast": "openai/mini", "lost": "openai/none", "openai/gpt": "openai/mini"}
    assert ids(OperatorCatalogue((), aliases)) == ["fast", "openai/gpt", "openai/mini", "other/gpt", "other/own/Model"]
    entry = build_snapshot(LISTINGS, OperatorCatalogue((), aliases)).listed()[1]
    assert entry.card is GPT, "a model wins over an alias of its name"
    hidden = OperatorCatalogue((OverrideRow("openai/mini", None, None, "", False),), aliases)
    assert "fast" not in ids(hidden)


def test_it_asks_twice_a_second_at_most_and_reads_only_what_changed() -> None:
    shelf, now = Shelf(), [0.0]
    catalogue = Catalogue(LISTINGS, NOTHING, shelf, clock=lambda: now[0])
    first = catalogue.snapshot()
    shelf.put(OperatorCatalogue((), {"fast": "openai/mini"}))
    now[0] = 0.5
    assert catalogue.snapshot() is first
    now[0] = 1.1
    second = catalogue.snapshot()
    assert second.aliases == {"fast": "openai/mini"}
    now[0] = 2.2
    assert catalogue.snapshot() is second
    assert (shelf.asked, shelf.loaded) == (3, 2)


def test_pins_win_over_the_database() -> None:
    shelf = Shelf()
    shelf.put(OperatorCatalogue((), {"fast": "openai/gpt", "slow": "openai/gpt"}))
    catalogue = Catalogue(LISTINGS, replace(NOTHING, aliases={"fast": "openai/mini"}), shelf)
    assert catalogue.snapshot().aliases == {"fast": "openai/mini", "slow": "openai/gpt"}


def test_while_the_database_is_away_the_last_word_holds() -> None:
    shelf, now = Shelf(), [0.0]
    shelf.away = True
    catalogue = Catalogue(LISTINGS, replace(NOTHING, aliases={"pinned": "openai/gpt"}), shelf, clock=lambda: now[0])
    assert catalogue.snapshot().aliases == {"pinned": "openai/gpt"}
    shelf.away = False
    shelf.put(OperatorCatalogue((), {"fast": "openai/mini"}))
    now[0] = 2.0
    kept = catalogue.snapshot()
    assert set(kept.aliases) == {"fast", "pinned"}
    shelf.away = True
    now[0] = 4.0
    assert catalogue.snapshot() is kept
