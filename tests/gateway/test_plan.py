"""Plans: made once for a key, a surface and a model, and thrown away with any of what they were made from."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import Key, ModelNotFound
from router.calls.call_log import good_line, log_line
from router.charging.plan import Plan, Plans
from router.surfaces.chat.surface import CHAT
from router.surfaces.embeddings import EMBEDDINGS
from router.surfaces.surface import Surface
from router.types.records import Attempt, CallRecord


class Shop:
    """Makes plans, and counts them."""

    def __init__(self) -> None:
        self.snapshot: Any = object()
        self.made = 0
        self.plans = Plans(lambda: self.snapshot, self.compile)

    def compile(self, key: Key, surface: Surface, model: str, snapshot: Any) -> Plan:
        if model == "none":
            raise ModelNotFound("no such model")
        self.made += 1
        plan = Plan.__new__(Plan)
        plan.key, plan.surface, plan.model, plan.snapshot = key, surface, model, snapshot
        return plan


def test_a_plan_is_made_once_and_again_where_key_or_catalogue_are_others() -> None:
    shop, key = Shop(), Key("key_1", "acct_1", version=1)
    plan = shop.plans.of(key, CHAT, "p/m")
    assert shop.plans.of(key, CHAT, "p/m") is plan and shop.made == 1
    assert shop.plans.of(key, EMBEDDINGS, "p/m").surface is EMBEDDINGS
    assert shop.plans.of(key, CHAT, "P/M").model == "P/M"
    newer = replace(key, version=2)
    assert shop.plans.of(newer, CHAT, "p/m").key is newer, "whatever has changed of it"
    assert shop.plans.of(key, CHAT, "p/m").key is key
    shop.snapshot = object()
    assert shop.plans.of(key, CHAT, "p/m").snapshot is shop.snapshot
    assert shop.made == 6


def test_what_cannot_be_planned_is_not_kept() -> None:
    shop, key = Shop(), Key("key_1", "acct_1")
    for _ in range(2):
        with pytest.raises(ModelNotFound):
            shop.plans.of(key, CHAT, "none")


def test_a_catalogue_that_changes_while_a_plan_is_made_has_it_made_again() -> None:
    shop, key = Shop(), Key("key_1", "acct_1")
    compile_ = shop.compile

    def slow(key: Key, surface: Surface, model: str, snapshot: Any) -> Plan:
        shop.snapshot = object()
        return compile_(key, surface, model, snapshot)

    shop.plans = Plans(lambda: shop.snapshot, slow)
    first = shop.plans.of(key, CHAT, "p/m")
    assert shop.plans.of(key, CHAT, "p/m") is not first


texts = st.text(max_size=12)


@given(
    created_at=st.floats(0, 4e9),
    model=texts,
    provider=texts,
    streamed=st.booleans(),
    counts=st.tuples(st.integers(0, 2**40), st.integers(0, 2**40)),
    estimated=st.booleans(),
    charge_nano=st.integers(0, 2**62),
    first=st.none() | st.integers(0, 10**6),
    attempts=st.lists(st.sampled_from([Attempt("p", "m", "ok", 200, 3), Attempt("q", "m", "server", 500, 3)])),
    own_id=st.sampled_from(["", "mine"]),
    client=st.sampled_from(["", "192.0.2.7", 'fe80::1%"']),
    trace=st.sampled_from(["", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"]),
    address=st.booleans(),
)
def test_the_template_of_a_log_line_is_the_line(
    created_at: float,
    model: str,
    provider: str,
    streamed: bool,
    counts: tuple[int, int],
    estimated: bool,
    charge_nano: int,
    first: int | None,
    attempts: list[Attempt],
    own_id: str,
    client: str,
    trace: str,
    address: bool,
) -> None:
    record = CallRecord(
        "req_1",
        created_at,
        "chat",
        "acct_1",
        "key_1",
        model,
        provider,
        "m",
        200,
        "ok",
        "",
        streamed,
        *counts,
        0,
        0,
        estimated,
        12,
        first,
        tuple(attempts),
        charge_nano=charge_nano,
        client_request_id=own_id,
        client=client,
        traceparent=trace,
    )
    members = {"route": "chat", "account": "acct_1", "key": "key_1", "model": model}
    logged = json.dumps(members, separators=(",", ":"))[1:-1]
    assert good_line(record, logged, address) == log_line(record, address)
    told = json.loads(log_line(record, address))
    assert (told.get("address", ""), told.get("trace", "")) == (client if address else "", trace[3:35])
