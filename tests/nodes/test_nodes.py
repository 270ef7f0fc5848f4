"""Two nodes on one PostgreSQL behind nginx: restarted in turn, one of them lost, and the database's server lost."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from nodes_kit import Cluster, Load, nginx_before, open_cluster
from replicated import replicated_postgres

from router.testing.upstream.scripts import stream

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(tmp_path: Path, postgresql_url: str) -> Iterator[Cluster]:
    with open_cluster(tmp_path, postgresql_url) as opened, nginx_before(opened, tmp_path / "nginx"):
        yield opened


def roll(cluster: Cluster) -> None:
    """Restart the nodes one after the other, as an upgrade does."""
    for node in cluster.nodes:
        node.stop()
        node.start()


def check_books(cluster: Cluster, answered: int) -> None:
    """Each answered call has a row, and what rows say is what the account lost."""
    cluster.settled()
    told = dict(cluster.rows("SELECT status || ' ' || ending || ' ' || error_code, COUNT(*) FROM usage GROUP BY 1"))
    assert sum(count for what, count in told.items() if what.startswith("200 ")) >= answered, told
    shown = cluster.first.router("accounts", "show", cluster.first.account)
    granted = sum(int(row[0]) for row in cluster.rows("SELECT amount_nano FROM transfers WHERE kind = 'grant'"))
    assert float(shown["balance"]) * 10**9 == pytest.approx(granted - cluster.charged_nano(), abs=0)
    assert float(shown["held"]) == 0


def upgrade(cluster: Cluster, calls: int, rounds: int) -> Load:
    """Restart the nodes in turn, several times over, and call for as long as that lasts, at least so many times."""
    load, rolled = Load(cluster), threading.Event()

    def restart() -> None:
        try:
            for _ in range(rounds):
                roll(cluster)
        finally:
            rolled.set()

    rolling = threading.Thread(target=restart)
    rolling.start()
    load.run(calls, until=rolled)
    rolling.join()
    return load


def test_a_rolling_restart_fails_no_call_that_one_retry_does_not_cure(cluster: Cluster) -> None:
    load = upgrade(cluster, 400, 1)
    assert set(load.statuses) == {200}
    check_books(cluster, load.answered)


@pytest.mark.soak
def test_twenty_thousand_calls_through_rolling_restarts(cluster: Cluster) -> None:
    load = upgrade(cluster, 20_000, 5)
    print(
        f"{sum(load.statuses.values()):,} calls, 5 rolling restarts: {dict(load.statuses)}, second tries {load.again}"
    )
    assert set(load.statuses) == {200}
    check_books(cluster, load.answered)


def test_nodes_are_listed_and_one_that_is_lost_harms_no_stream_of_the_other(cluster: Cluster) -> None:
    here, there = cluster.nodes
    listed = here.router("nodes", "list")
    assert [(one["node"], one["workers"]) for one in listed] == [("node-1", 1), ("node-2", 1)]
    assert all(abs(one["clock_ahead_s"]) < 1 and one["versions"] for one in listed)
    assert "sweep" in {job for one in listed for job in one["jobs"]}
    cluster.upstream.script(stream(*["word "] * 30, gap_s=0.1), stream(*["word "] * 30, gap_s=0.1))
    streams = [_stream(node.base_url, here.api_key) for node in (here, there)]
    for one in streams:
        next(one)
    there.kill()
    assert [*streams[0]][-1] == "data: [DONE]"
    with pytest.raises(requests.RequestException):
        list(streams[1])
    cluster.settled()
    assert [one["node"] for one in here.router("nodes", "list")] == ["node-1"]
    swept = cluster.rows("SELECT COUNT(*) FROM usage WHERE error_code = 'call_expired'")
    assert swept == [(1,)], "the call of the lost node has a row, and what is known of it is charged"
    load = Load(cluster)
    load.run(40)
    assert load.statuses == {200: 40}


def _stream(base_url: str, api_key: str) -> Iterator[str]:
    body = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "x"}], "stream": True}
    headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
    with requests.post(
        f"{base_url}/chat/completions", data=json.dumps(body), headers=headers, stream=True, timeout=60
    ) as answer:
        assert answer.status_code == 200
        yield from (line for line in answer.iter_lines(decode_unicode=True) if line)


def test_the_databases_server_is_lost_and_its_replica_steps_in(tmp_path: Path) -> None:
    with replicated_postgres() as servers, open_cluster(tmp_path, servers.url) as cluster:
        load = Load(cluster, tries=1)
        before = Load(cluster, tries=1)
        before.run(40)
        assert before.statuses == {200: 40}
        calling = threading.Thread(target=load.run, args=(120,))
        calling.start()
        servers.lose_first()
        cluster.wait_for(lambda: load.statuses[503] > 0, "no call was refused while there is no database")
        servers.promote_second()
        calling.join()
        assert set(load.statuses) <= {200, 503}, "refused in words, within the time of a call"
        after = Load(cluster)
        cluster.wait_for(lambda: after.run(8) or after.statuses[200] >= 8, "the nodes do not find the new server")
        check_books(cluster, 40 + load.statuses[200] + after.statuses[200])
