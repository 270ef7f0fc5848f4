"""Log-ins: kept by hash, renewed at each step, over in time, and listed and ended by their owners alone."""

from __future__ import annotations

import pytest
from people_kit import AWAY, HOME, VISITOR, Clock, Made, at_once, joined, mails, me, query

from router.errors import NotFound, Unauthorized
from router.office.office import Office
from router.office.people.members import create_workspace, list_workspaces
from router.office.people.records import Visit, WebSession
from router.office.people.sessions import (
    choose_workspace,
    complete_session,
    end_other_sessions,
    end_session,
    find_session,
    is_stepped_up,
    list_sessions,
    open_session,
    step_up,
)
from router.store.people.tickets import hash_of

ADA, EVE = "ada@example.com", "eve@example.com"
DAY = 86_400.0


def session(office: Office, text: str) -> WebSession:
    found = find_session(office, text)
    assert found is not None
    return found


def test_a_session_is_kept_by_its_hash(office: Office) -> None:
    ada = joined(office, ADA)
    text = open_session(office, ada, HOME, complete=True)
    assert len(text) == 43 and query(office, "SELECT hash FROM web_sessions") == [(hash_of(text),)]
    found = session(office, text)
    assert (found.person.id, found.complete, found.second_factor) == (ada.id, True, False)
    [workspace] = list_workspaces(office, ada.id)
    assert (found.account_id, found.role) == (workspace.account_id, "owner")
    assert (found.address, found.agent) == (HOME.address, HOME.agent)
    for other in ("", "x", text[:-1], text + "x", "x" * 5000, "\udc80"):
        assert find_session(office, other) is None


def test_a_session_is_over_when_idle_and_at_last_in_any_case(office: Office, clock: Clock) -> None:
    text = open_session(office, joined(office, ADA), HOME, complete=True)
    for _ in range(4):
        clock.pass_s(7 * DAY - 1)
        assert find_session(office, text) is not None
    clock.pass_s(2 * DAY + 4)
    assert find_session(office, text) is None, "thirty days"
    idle = open_session(office, joined(office, EVE, visit=AWAY), AWAY, complete=True)
    clock.pass_s(7 * DAY)
    assert find_session(office, idle) is None


def test_an_operator_s_session_is_shorter_also_one_of_before(office: Office, clock: Clock) -> None:
    ada = joined(office, ADA)
    before = open_session(office, ada, HOME, complete=True)
    office.database.write(lambda c: c.execute("UPDATE people SET operator = TRUE WHERE id = ?", (ada.id,)))
    text = open_session(office, ada, HOME, complete=True)
    for _ in range(12):
        clock.pass_s(3599)
        assert find_session(office, text) is not None and find_session(office, before) is not None
    clock.pass_s(12)
    assert find_session(office, text) is None and find_session(office, before) is None, "twelve hours"
    idle = open_session(office, ada, HOME, complete=True)
    clock.pass_s(3600)
    assert find_session(office, idle) is None


def test_that_somebody_is_here_is_written_once_a_minute(office: Office, clock: Clock) -> None:
    ada = joined(office, ADA)
    text = open_session(office, ada, HOME, complete=True)
    began = clock.at
    clock.pass_s(59)
    assert session(office, text).seen_at == began
    clock.pass_s(1)
    assert session(office, text).seen_at == began + 60
    assert query(office, "SELECT seen_at FROM web_sessions") == [(began + 60,)]
    assert query(office, "SELECT seen_at FROM people") == [(began,)], "to the hour"
    clock.pass_s(3540)
    session(office, text)
    assert query(office, "SELECT seen_at FROM people") == [(began + 3600,)]


def test_the_second_step_has_five_minutes_and_gives_another_text(office: Office, clock: Clock) -> None:
    ada = joined(office, ADA)
    late = open_session(office, ada, HOME, complete=False)
    assert (session(office, late).complete, session(office, late).stepped_at) == (False, None)
    with pytest.raises(Unauthorized):
        step_up(office, late)
    clock.pass_s(300)
    assert find_session(office, late) is None
    with pytest.raises(Unauthorized) as refused:
        complete_session(office, late)
    assert refused.value.code == "session_over"
    text = open_session(office, ada, HOME, complete=False)
    first = session(office, text)
    done = complete_session(office, text)
    assert find_session(office, text) is None and done != text
    assert (session(office, done).complete, session(office, done).id) == (True, first.id)
    with pytest.raises(Unauthorized):
        complete_session(office, done)


def test_stepping_up_counts_for_a_quarter_of_an_hour_and_lengthens_nothing(office: Office, clock: Clock) -> None:
    text = open_session(office, joined(office, ADA), HOME, complete=True)
    assert is_stepped_up(office, session(office, text)), "who logs in has just proved it"
    clock.pass_s(900)
    assert not is_stepped_up(office, session(office, text))
    ends = session(office, text).expires_at
    again = step_up(office, text)
    assert find_session(office, text) is None
    assert is_stepped_up(office, session(office, again)) and session(office, again).expires_at == ends


def test_of_two_steps_at_once_one_is_done(opened: Made) -> None:
    ours, theirs = opened(), opened()
    ada = joined(ours, ADA)
    for _ in range(5):
        text = open_session(ours, ada, HOME, complete=True)
        done = at_once(lambda: step_up(ours, text), lambda: step_up(theirs, text))  # noqa: B023
        assert [type(one) for one in done].count(Unauthorized) == 1
    assert query(ours, "SELECT COUNT(*) FROM web_sessions") == [(5,)]


def test_sessions_are_listed_and_ended_by_their_owner_alone(office: Office, clock: Clock) -> None:
    ada, eve = joined(office, ADA), joined(office, EVE, visit=AWAY)
    mine = open_session(office, ada, HOME, complete=True)
    clock.pass_s(60)
    other = open_session(office, ada, AWAY, complete=True)
    assert [one.address for one in list_sessions(office, ada.id)] == [AWAY.address, HOME.address]
    with pytest.raises(NotFound) as refused:
        end_session(office, me(eve), session(office, mine).id, person_id=eve.id)
    assert refused.value.code == "session_not_found"
    end_session(office, me(ada), session(office, other).id, person_id=ada.id)
    assert find_session(office, other) is None
    end_session(office, me(ada), mine)
    end_session(office, me(ada), mine)
    assert list_sessions(office, ada.id) == []


def test_all_others_end_and_this_one_stays(office: Office) -> None:
    ada = joined(office, ADA)
    texts = [open_session(office, ada, HOME, complete=True) for _ in range(4)]
    kept = session(office, texts[2])
    assert end_other_sessions(office, me(ada, kept.id), ada.id, kept.id) == 3
    assert [find_session(office, text) is not None for text in texts] == [False, False, True, False]


def test_one_looks_at_one_s_own_workspaces_and_at_the_last_one_again(office: Office, clock: Clock) -> None:
    ada, eve = joined(office, ADA), joined(office, EVE, visit=AWAY)
    second = create_workspace(office, me(ada), ada.id, "Engines")
    [theirs] = list_workspaces(office, eve.id)
    text = open_session(office, ada, HOME, complete=True)
    for account_id in (theirs.account_id, "acct_nothing"):
        with pytest.raises(NotFound) as refused:
            choose_workspace(office, text, account_id)
        assert refused.value.code == "account_not_found"
    choose_workspace(office, text, second.account_id)
    assert (session(office, text).account_id, session(office, text).role) == (second.account_id, "owner")
    clock.pass_s(60)
    assert session(office, open_session(office, ada, HOME, complete=True)).account_id == second.account_id


def test_a_browser_that_was_not_seen_before_is_told_by_mail(office: Office) -> None:
    ada = joined(office, ADA)
    open_session(office, ada, HOME, complete=True)
    open_session(office, ada, Visit("203.0.113.1", HOME.agent), complete=True)
    assert "new_device" not in mails(office, ADA)
    half = open_session(office, ada, AWAY, complete=False)
    assert "new_device" not in mails(office, ADA)
    complete_session(office, half)
    open_session(office, ada, AWAY, complete=True)
    assert mails(office, ADA).count("new_device") == 1


def test_of_very_many_the_oldest_end(local: Office, clock: Clock) -> None:
    ada = joined(local, ADA)
    first = open_session(local, ada, HOME, complete=True)
    for _ in range(50):
        clock.pass_s(1)
        last = open_session(local, ada, HOME, complete=True)
    assert find_session(local, first) is None and find_session(local, last) is not None
    assert query(local, "SELECT COUNT(*) FROM web_sessions") == [(50,)]


def test_ending_is_in_the_audit_log(local: Office) -> None:
    text = open_session(local, joined(local, ADA), HOME, complete=True)
    end_session(local, VISITOR, text)
    end_session(local, VISITOR, text)
    assert query(local, "SELECT COUNT(*) FROM audit WHERE action = 'sessions end'") == [(1,)]
