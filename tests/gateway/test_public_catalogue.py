"""The public catalogue: how fresh it is, and what it shows when the database does not answer; on a clock of its own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import pytest

from router import Dialect, Listed, ModelCard, Offer, Price
from router.catalogue import Catalogue, OperatorCatalogue, OverrideRow, ProfileCatalogue, ProviderModels
from router.errors import StoreError
from router.providers.model_list import ModelListService
from router.providers.public_catalogue import Page, PublicCatalogue
from router.providers.resolve import ModelResolver


class Stall(Dialect):
    catalogue_headers: ClassVar[Mapping[str, str]] = {"Cache-Control": "public"}
    fallback_headers: ClassVar[Mapping[str, str]] = {"x-stock": "remembered"}
    offers = (Offer("cup", ("ours/cup",), Price.per_million(input="1", output="1")),)

    def __init__(self) -> None:
        self.rendered = 0

    def catalogue(self, listed: Iterable[Listed]) -> Any:
        self.rendered += 1
        return [one.id for one in listed]


class Shelf:
    """Rows that change, and go away."""

    def __init__(self) -> None:
        self.stored, self.number, self.away = OperatorCatalogue(), 1, False

    def version(self) -> int:
        if self.away:
            raise StoreError("away")
        return self.number

    def load(self) -> OperatorCatalogue:
        return self.stored

    def put(self, *rows: OverrideRow) -> None:
        self.stored, self.number = OperatorCatalogue(rows), self.number + 1


class Shop:
    """A showcase over a shelf."""

    def __init__(self) -> None:
        self.now = 100.0
        self.shelf, self.dialect = Shelf(), Stall()
        cards = ProviderModels([ModelCard("cup"), ModelCard("pot", price=Price.per_million(input="1", output="1"))])
        catalogue = Catalogue(
            {"ours": cards}, OperatorCatalogue(), self.shelf, offered=ProfileCatalogue(self.dialect.offers)
        )
        lister = ModelListService(catalogue, ModelResolver(catalogue, {}), self.dialect.offers)
        self.showcase = PublicCatalogue(catalogue, lister, self.dialect, clock=lambda: self.now)

    def shown(self) -> tuple[list[str], bool]:
        """What is listed, and whether it is from memory."""
        page = self.showcase.page()
        headers = headers_of(page)
        assert (headers["Cache-Control"], headers["Content-Type"]) == ("public", "application/json")
        assert int(headers["Content-Length"]) == len(page.body)
        return json.loads(page.body), "x-stock" in headers


def headers_of(page: Page) -> dict[str, str]:
    return dict(page.headers)


def test_before_the_database_has_answered_the_offers_are_shown() -> None:
    assert Shop().shown() == (["cup"], True)


def test_what_the_operator_changes_is_shown_at_the_next_refresh() -> None:
    shop = Shop()
    shop.showcase.refresh()
    assert shop.shown() == (["cup"], False)
    shop.shelf.put(OverrideRow("pot", "ours", "pot", "chat", True))
    assert shop.shown() == (["cup"], False)
    shop.showcase.refresh()
    assert shop.shown() == (["cup", "pot"], False)
    shop.shelf.put(OverrideRow("cup", None, None, "", False))
    shop.showcase.refresh()
    assert shop.shown() == ([], False)


@pytest.mark.row("NG-5")
def test_a_database_that_fails_is_noticed_at_once_and_forgiven_at_once() -> None:
    shop = Shop()
    shop.shelf.put(OverrideRow("pot", "ours", "pot", "chat", True))
    shop.showcase.refresh()
    shop.shelf.away = True
    shop.showcase.refresh()
    assert shop.shown() == (["cup"], True), "the offers alone, not what was there a second ago"
    shop.shelf.away = False
    shop.showcase.refresh()
    assert shop.shown() == (["cup", "pot"], False)


@pytest.mark.row("NG-5")
def test_a_database_that_hangs_is_taken_for_dead_after_three_seconds() -> None:
    shop = Shop()
    shop.showcase.refresh()
    shop.now += 2.9
    assert shop.shown() == (["cup"], False)
    shop.now += 0.2
    assert shop.shown() == (["cup"], True)


def test_nothing_is_rendered_again_that_has_not_changed() -> None:
    shop = Shop()
    for _ in range(5):
        shop.showcase.refresh()
        shop.shown()
    assert shop.dialect.rendered == 2, "the built-in one, and the database's"


def test_it_asks_by_itself_until_it_is_closed() -> None:
    shop = Shop()
    shop.showcase.start()
    assert shop.shown() == (["cup"], False)
    shop.showcase.close()
