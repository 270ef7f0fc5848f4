"""What a plugin has of its own: tables, jobs, commands, and what it makes of what it observes."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache

import click

from router.app.plugin_contexts import plugin_jobs
from router.db.plugin_tables import foreign_tables
from router.errors import faults
from router.plugin_host.registry import Registry
from router.store.migrating import pending
from router.testing.conformance.base import Failed, NotOffered, expect
from router.testing.conformance.host.bench import HOST, HostBench
from router.types.observed import AttemptRecord, OutputRecord, RefusalRecord
from router.types.records import Attempt, CallRecord

__all__ = ["commands", "jobs", "migrated", "observers", "tables"]

_RECORD = CallRecord("req_1", 1e9, "chat", "", "", "", "", "", 400, "error", "", False, 0, 0, 0, 0, False, 0, None)
_ATTEMPT = Attempt("acme", "model", "timeout", None, 5)


@HOST.rule(
    "H01",
    "Its migrations touch its own tables alone: all names begin with the plugin's.",
    remedy="Name each table and index after the plugin (acme_coupons of acme), and refer to no other.",
)
def tables(bench: HostBench) -> None:
    for one in bench.hook("storage_migrations")():
        for sql in [one.sql] if isinstance(one.sql, str) else one.sql.values():
            fault = foreign_tables(bench.plugin.name, sql)
            expect(not fault, f"migration {one.number}: {fault}")


@HOST.rule(
    "H02",
    "Its migrations are the same each time that they are asked for, and leave none pending once they ran.",
    remedy="Return the same list, numbered from 1; add steps at its end, and change none that was released.",
)
def migrated(bench: HostBench) -> None:
    ask = bench.hook("storage_migrations")
    first, second = list(ask()), list(ask())
    expect(first == second, "two questions gave two lists")
    left = pending(bench.database, {bench.plugin.name: second})
    expect(not left, f"{len(left)} are pending after they ran")


@HOST.rule(
    "H03",
    "Its jobs are named, and run twice in a row on tables that are empty.",
    remedy="Return router.Job objects; let a job find nothing to do, and be right when another ran a moment ago.",
)
def jobs(bench: HostBench) -> None:
    bench.hook("jobs")
    registry = Registry([bench.plugin])
    found = plugin_jobs(registry, bench.contexts)
    problem = registry.plugins[bench.plugin.name].problem
    expect(not problem, problem)
    for job in found:
        for _ in range(2):
            try:
                job.function()
            except faults() as error:
                raise Failed(f"the job {job.name} raised {type(error).__name__}: {error}") from error


@HOST.rule(
    "H04",
    "Its commands are click's, and none is called as one of the gateway's.",
    remedy="Return click.Command objects, and call the first of them as the plugin is called.",
)
def commands(bench: HostBench) -> None:
    for command in bench.hook("commands")(context=bench.context):
        expect(isinstance(command, click.Command) and command.name, f"{command!r} is no click.Command with a name")
        expect(command.name not in _taken(), f"there is a command {command.name!r} already")


@HOST.rule(
    "H05",
    "Its observers take whatever record there is: of a stranger's request, of a call without a provider.",
    remedy="Expect empty texts and None where the record's documentation says so.",
)
def observers(bench: HostBench) -> None:
    records = {
        "call_refused": RefusalRecord("req_1", 1e9, "/v1/chat/completions", 401, "invalid_api_key"),
        "attempt_finished": AttemptRecord("req_2", 1, "acct_1", "key_1", "acme/model", _ATTEMPT),
        "call_output": OutputRecord("req_3", "acct_1", "key_1", "acme/model", "acme", "model", True, 5),
        "call_finished": _RECORD,
        "request_finished": _RECORD,
    }
    found = [name for name in records if name in bench.plugin.hooks]
    if not found:
        raise NotOffered("it observes nothing")
    for name in found:
        try:
            bench.plugin.hooks[name](record=records[name])
        except faults() as error:
            raise Failed(f"{name} raised {type(error).__name__}: {error}") from error


@cache
def _taken() -> frozenset[str]:
    """The gateway's own commands, as it lists them."""
    asked = [sys.executable, "-m", "router", "--help"]
    text = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout
    return frozenset(re.findall(r"^  ([a-z][a-z-]*)  ", text.partition("Commands:")[2], re.MULTILINE))
