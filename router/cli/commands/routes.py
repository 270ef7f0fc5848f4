"""``router routes``: how a model ID is understood."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from router.cli.support.groups import Commands
from router.cli.support.output import table
from router.cli.support.references import KEY, MODEL
from router.cli.support.session import CommandSession, remotely
from router.office.operations.providers import explain_route

__all__ = ["lines", "routes"]

_TARGETS = {
    "id": "TARGET",
    "provider": "PROVIDER",
    "state": "STATE",
    "model": "UPSTREAM MODEL",
    "host": "HOST",
    "limits": "TIMEOUTS (S)",
    "places": "ENDPOINTS",
    "dropped_params": "DROPPED",
}
_REPLIES = {
    None: "",
    "observe": "reads the reply after its end (observe)",
    "buffer": "holds the reply back to its end (buffer)",
    "transform": "changes the reply as it comes (transform)",
}
_FAILURES = {"kind": "KIND", "next": "TRIED NEXT", "status": "ELSE THE CLIENT SEES", "endpoint": "ENDPOINT"}


@click.group(cls=Commands)
def routes() -> None:
    """How model IDs are understood."""


@routes.command()
@click.argument("model", type=MODEL)
@click.option("--key", type=KEY, metavar="ID", help="Apply this key's scope, and say whether it may call.")
@remotely
def explain(session: CommandSession, model: str, key: str | None) -> None:
    """What would become of a call for MODEL, step by step, and of each kind of failure. Nothing is sent.

    Guards and caches on its way are told too, in their order; with --key, those that the key's calls pass.

    A model that is refused is answered with the reason, and exit status 1.
    """
    value = session.run(explain_route, model=model, key=key)
    session.show(value, "\n".join(lines(value)))


def lines(value: Mapping[str, Any]) -> Iterator[str]:
    """An explanation for people."""
    if value["key"] is not None:
        yield f"Key {value['key']['id']} {value['key']['verdict']}"
    said = [*map(_guard, value["guards"]), *value["steps"], *map(_cache, value["caches"]), *_strategies(value)]
    yield from (f"{number}. {step}" for number, step in enumerate(said, 1))
    if sum(bool(guard["replies"]) for guard in value["guards"]) > 1:
        yield "   Replies pass the guards in the opposite order."
    if value["strategies"]:
        yield f"   What strategies say is told of {value['sample']}."
    shown = [
        {**target, "limits": _limits(target["timeouts"]), "places": list(map(_place, target["endpoints"]))}
        for target in value["targets"]
    ]
    yield "\n" + table(shown, _TARGETS, empty="")
    yield f"\nAt most {value['max_attempts']} upstream call(s) in {value['max_call_s']:g} s. If one fails:\n"
    yield table(value["failures"], _FAILURES, empty="")


def _guard(row: Mapping[str, Any]) -> str:
    """What a guard does, and what its failure means."""
    whom = ", ".join(row["accounts"] + row["keys"])
    of_whom = f" of calls of {whom}" if whom else ""
    request = f"sees the request's {row['sees']}" if row["requests"] else ""
    does = row["problem"] or " and ".join(filter(None, (request, _REPLIES[row["replies"]]))) or "does nothing"
    late = "" if row["timeout_s"] is None else f", or takes longer than {row['timeout_s']:g} s"
    means = "goes on without it" if row["on_failure"] == "pass" else "is refused"
    return f"the guard {row['plugin']!r}{of_whom} {does}; if it fails{late}, the call {means}"


def _cache(row: Mapping[str, Any]) -> str:
    """Whether a cache may answer, and for how much."""
    price = "free" if row["price_share"] == "0" else f"charged {row['price_share']} of a new one"
    return f"the cache {row['plugin']!r} ({row['calls']}) may answer: {price}; if it fails, it is passed over"


def _strategies(value: Mapping[str, Any]) -> Iterator[str]:
    """Who orders the targets, and why so."""
    for row in value["strategies"]:
        ids = ", ".join(f"{one['id']} ({one['reason']})" if one["reason"] else one["id"] for one in row["order"])
        told = f"has no say: {row['problem']}" if row["problem"] else f"tries {ids}"
        yield f"the strategy {row['strategy']!r} {told}"


def _place(endpoint: Mapping[str, Any]) -> str:
    limit = f", at most {endpoint['max_concurrent']} calls" if endpoint["max_concurrent"] else ""
    return f"{endpoint['name']} (weight {endpoint['weight']}{limit})"


def _limits(timeouts: dict[str, float | None]) -> str:
    return ", ".join(f"{name} {limit:g}" for name, limit in timeouts.items() if limit is not None)
