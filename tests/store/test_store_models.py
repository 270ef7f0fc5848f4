"""The operator's catalogue rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from router.db.database import Database
from router.errors import BadRequest, NotFound
from router.store.models import (
    catalogue_version,
    load_catalogue,
    remove_alias,
    remove_model,
    set_alias,
    set_model_enabled,
    upsert_model,
)


def test_models_are_added_replaced_and_removed(database: Database) -> None:
    upsert_model(database, "fast", provider="openai", model="gpt-4o", card={"context_window": 5, "note": "ü"})
    upsert_model(database, "fast", provider="xai", model="grok", kind="embeddings", enabled=False)
    upsert_model(database, "slow", provider="openai", model="o3", card={"context_window": 5, "note": "ü"})
    fast, slow = load_catalogue(database).models
    assert (fast.provider, fast.model, fast.kind, fast.enabled, fast.source) == (
        "xai",
        "grok",
        "embeddings",
        False,
        "operator",
    )
    assert (slow.public_id, slow.enabled, slow.card) == ("slow", True, {"context_window": 5, "note": "ü"})
    remove_model(database, "fast")
    assert load_catalogue(database).models == (slow,)


def test_a_switch_overrides_a_plugins_model_and_keeps_an_operators(database: Database) -> None:
    set_model_enabled(database, "openai/gpt-4o", False)
    (override,) = load_catalogue(database).models
    assert (override.provider, override.model, override.enabled, override.source) == (None, None, False, "override")
    set_model_enabled(database, "openai/gpt-4o", True)
    assert load_catalogue(database).models[0].enabled
    upsert_model(database, "openai/gpt-4o", provider="azure", model="gpt-4o")
    set_model_enabled(database, "openai/gpt-4o", False)
    (model,) = load_catalogue(database).models
    assert (model.provider, model.enabled, model.source) == ("azure", False, "operator")


def test_an_alias_is_set_moved_and_removed(database: Database) -> None:
    set_alias(database, "fast", "openai/gpt-4o")
    set_alias(database, "fast", "xai/grok")
    assert load_catalogue(database).aliases == {"fast": "xai/grok"}
    remove_alias(database, "fast")
    assert load_catalogue(database).aliases == {}


@pytest.mark.parametrize(
    "change",
    [
        partial(upsert_model, public_id="m", provider="p", model="m"),
        partial(set_model_enabled, public_id="m", enabled=False),
        partial(set_alias, alias="a", target="m"),
    ],
)
def test_every_change_raises_the_version(database: Database, change: Callable[..., None]) -> None:
    before = catalogue_version(database)
    change(database)
    assert catalogue_version(database) == load_catalogue(database).version == before + 1


def test_what_is_not_there_is_reported_and_changes_no_version(database: Database) -> None:
    before = catalogue_version(database)
    with pytest.raises(NotFound, match=r"no row for model 'x/y'"):
        remove_model(database, "x/y")
    with pytest.raises(NotFound, match=r"no alias 'fast'"):
        remove_alias(database, "fast")
    with pytest.raises(BadRequest, match=r"A model ID must"):
        upsert_model(database, "", provider="p", model="m")
    with pytest.raises(BadRequest, match=r"An alias must not hold control characters"):
        set_alias(database, "a\tb", "m")
    assert catalogue_version(database) == before
