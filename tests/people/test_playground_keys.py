"""The playground's hidden keys end with what they are for: the membership, the person, the log-in, their use."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from people_kit import ADMIN, HOME, VISITOR, Clock, joined, me, query, ticket
from stored_usage import insert_usage

from router.office.actor import GATEWAY
from router.office.audit import list_audit
from router.office.customers.playground import UNUSED_S, playground_key, revoke_idle_keys
from router.office.office import Office
from router.office.people.members import accept_invitation, change_role, invite, list_workspaces
from router.office.people.people import suspend_person
from router.office.people.records import Person
from router.office.people.sessions import find_session, open_session
from router.types.records import CallRecord

ADA, BEA = "ada@example.com", "bea@example.com"
DAY_S = 86_400.0


@pytest.fixture
def ada(office: Office, clock: Clock) -> Person:
    clock.at = time.time()
    return joined(office, ADA)


def play(office: Office, person: Person) -> str:
    """Open a session and call with its key; the key's ID."""
    text = open_session(office, person, HOME, complete=True)
    session = find_session(office, text)
    assert session is not None
    playground_key(office, me(person), session, text)
    return str(query(office, "SELECT id FROM api_keys WHERE kind = 'hidden' ORDER BY created_at DESC LIMIT 1")[0][0])


def live(office: Office) -> set[str]:
    return {id for (id,) in query(office, "SELECT id FROM api_keys WHERE kind = 'hidden' AND status = 'active'")}


def lasts_until(office: Office, key: str, at: float) -> None:
    sql = "UPDATE api_keys SET expires_at = ? WHERE id = ?"
    office.database.write(lambda connection: connection.execute(sql, (at, key)))


def call(office: Office, person: Person, key: str, at: float) -> None:
    account = list_workspaces(office, person.id)[0].account_id
    texts = {"account": account, "key": key, "model": "a/b", "provider": "a", "upstream_model": "b", "error_code": ""}
    record = CallRecord(
        request_id=f"req_{int(at):024x}",
        created_at=at,
        route="chat",
        status=200,
        ending="ok",
        streamed=False,
        prompt_tokens=1,
        completion_tokens=1,
        cached_tokens=0,
        reasoning_tokens=0,
        estimated=False,
        latency_ms=1,
        first_token_ms=1,
        attempts=(),
        **texts,  # type: ignore[arg-type]
    )
    office.database.write(lambda connection: insert_usage(connection, [record]))


def test_those_of_who_is_here_stay(office: Office, ada: Person) -> None:
    key = play(office, ada)
    before = len(list_audit(office))
    assert revoke_idle_keys(office, GATEWAY) == 0
    assert live(office) == {key} and len(list_audit(office)) == before, "nothing done, nothing told"


def test_those_that_ran_out_or_lie_idle_end(office: Office, ada: Person, clock: Clock) -> None:
    ended, idle, used = play(office, ada), play(office, ada), play(office, ada)
    later = clock.at + UNUSED_S + DAY_S
    for key, expires in ((ended, clock.at + 60), (idle, later + DAY_S), (used, later + DAY_S)):
        lasts_until(office, key, expires)
    clock.pass_s(120)
    assert revoke_idle_keys(office, GATEWAY) == 1 and live(office) == {idle, used}
    clock.pass_s(UNUSED_S + DAY_S / 2)
    call(office, ada, used, clock.at - DAY_S)
    assert revoke_idle_keys(office, GATEWAY) == 1 and live(office) == {used}
    entry = list_audit(office, limit=1)[0]
    assert (entry.action, entry.actor, entry.detail) == ("keys revoke-hidden", "gateway", {"keys": [idle]})
    assert revoke_idle_keys(office, GATEWAY) == 0, "a second run does no harm"


def test_those_of_who_calls_no_models_any_more_end(office: Office, ada: Person) -> None:
    bea = joined(office, BEA)
    account = list_workspaces(office, ada.id)[0].account_id
    invite(office, me(ada), account, BEA, "developer")
    accept_invitation(office, VISITOR, ticket(office, BEA, "invite"), bea)
    text = open_session(office, bea, HOME, complete=True)
    for workspace in list_workspaces(office, bea.id):
        session = find_session(office, text)
        assert session is not None
        playground_key(office, me(bea), replace(session, account_id=workspace.account_id), text)
    own = play(office, ada)
    assert len(live(office)) == 3
    change_role(office, me(ada), account, bea.id, "viewer")
    assert revoke_idle_keys(office, GATEWAY) == 1 and own in live(office)
    suspend_person(office, ADMIN, bea.id, reason="as a test")
    assert revoke_idle_keys(office, GATEWAY) == 1 and live(office) == {own}
