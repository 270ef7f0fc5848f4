"""What a worker has met and tells with its beat is told by the next one where that beat is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from router.app.assembly import Assembly
from router.app.start import assemble
from router.errors import ModelNotPriced, StoreError
from router.jobs import leased
from router.office.alerts import current_alerts
from router.store.migrating import migrate
from router.store.opening import open_database

pytestmark = pytest.mark.slow


@pytest.fixture
def assembly(database_url: str, tmp_path: Path) -> Iterator[Assembly]:
    config = tmp_path / "router.toml"
    config.write_text(f'[database]\nurl = "{database_url}"\n')
    database = open_database(database_url, tmp_path, create=True)
    migrate(database)
    database.close()
    made = assemble(config, {"ROUTER_MASTER_KEY": "a master key for tests, long enough"})
    yield made
    made.close()


def ask_for(assembly: Assembly, model: str) -> None:
    """A request for a model without a price, as the line tells of it."""
    error = ModelNotPriced(f"The model '{model}' has no price.")
    error.about["model"] = model
    assembly.recorder.refused(error, "req_1", "/v1/chat/completions", 404)


def causes(assembly: Assembly) -> set[str]:
    return {one.cause for one in current_alerts(assembly.office)}


def test_models_without_a_price_are_told_by_the_next_beat(assembly: Assembly, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise StoreError("the disk is full")

    ask_for(assembly, "openai/new")
    with monkeypatch.context() as broken:
        broken.setattr(leased, "renew", fails)  # behind the alerts, in the same transaction
        for _ in range(2):
            with pytest.raises(StoreError):
                assembly.jobs.beat()
    assert causes(assembly) == set()
    ask_for(assembly, "openai/newer")
    assembly.jobs.beat()
    assert causes(assembly) == {"unpriced/openai/new", "unpriced/openai/newer"}
    assert assembly.recorder.unpriced.waiting() == []


def test_a_model_is_told_once_for_each_time_it_was_asked_for(assembly: Assembly) -> None:
    ask_for(assembly, "openai/new")
    assembly.jobs.beat()
    seen = current_alerts(assembly.office)[0].seen_at
    assembly.jobs.beat()
    assert current_alerts(assembly.office)[0].seen_at == seen, "nobody has asked for it since"
