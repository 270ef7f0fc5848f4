"""Proof of work: what a browser does passes once, and nothing else does."""

from __future__ import annotations

import base64
import json
from typing import Any

import altcha
import pytest
from people_kit import Clock, Made, at_once

from router.office.office import Office
from router.office.people.closing import forget_old
from router.office.people.proof import LASTS_S, challenge, check_proof


def solved(office: Office) -> dict[str, Any]:
    asked = json.loads(json.dumps(challenge(office)))
    solution = altcha.solve_challenge(altcha.Challenge.from_dict(asked))
    assert solution is not None
    return {"challenge": asked, "solution": solution.to_dict()}


def sent(payload: object) -> str:
    return base64.b64encode(json.dumps(payload).encode()).decode()


def test_work_counts_once(office: Office) -> None:
    payload = sent(solved(office))
    assert check_proof(office, payload)
    assert not check_proof(office, payload)


def test_of_two_who_show_it_at_once_one_has_done_it(opened: Made) -> None:
    ours, theirs = opened(), opened()
    payload = sent(solved(ours))
    assert sorted(at_once(lambda: check_proof(ours, payload), lambda: check_proof(theirs, payload))) == [False, True]


def test_work_is_done_in_time_by_the_office_s_clock(local: Office, clock: Clock) -> None:
    payload = sent(solved(local))
    clock.pass_s(LASTS_S)
    assert not check_proof(local, payload)
    assert forget_old(local)["proofs"] == 0


def test_nothing_else_passes(local: Office) -> None:
    good = solved(local)
    easier = json.loads(json.dumps(good))
    easier["challenge"]["parameters"]["data"]["until"] += 10**6
    other = solved(local)
    for payload in [
        "",
        "x",
        "x" * 10_000,
        "\udc80",
        sent([]),
        sent({}),
        sent({"challenge": {}, "solution": {}}),
        sent({"challenge": good["challenge"], "solution": other["solution"]}),
        sent({"challenge": {**good["challenge"], "signature": None}, "solution": good["solution"]}),
        sent({"challenge": {**good["challenge"], "signature": 7}, "solution": good["solution"]}),
        sent({"challenge": good["challenge"], "solution": {"counter": "1", "derivedKey": 5}}),
        sent({"challenge": {"parameters": {"data": []}}, "solution": good["solution"]}),
        sent(easier),
    ]:
        assert check_proof(local, payload) is False, payload[:80]
    assert check_proof(local, sent(good))


def test_many_sign_ups_make_it_harder(local: Office, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    real = altcha.create_challenge
    monkeypatch.setattr(altcha, "create_challenge", lambda *a, **k: asked.append(k["counter"]) or real(*a, **k))
    challenge(local)
    rows = [("signup", "site", clock.at - 1)] * 300
    local.database.write(lambda c: c.load("attempts", ("action", "subject", "at"), rows))
    challenge(local)
    assert asked[0] < 450 and 1650 <= asked[1] < 4950


def test_where_none_is_asked_for_nothing_is_needed(opened: Made) -> None:
    assert check_proof(opened("proof_of_work = false\n"), "")
