"""Nodes: machines, or containers, whose workers share one database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from router.db.connection import Connection
from router.db.transaction import Runner
from router.jobs.workers import living

__all__ = ["GatewayNode", "about_worker", "list_nodes"]

_ABOUT = "SELECT id, about FROM workers"
_LEASES = "SELECT owner, name FROM leases WHERE expires_at > ? ORDER BY name"


@dataclass(slots=True)
class GatewayNode:
    """One node, as its living workers tell.

    Attributes:
        name: ``[server] node``, or the host's name.
        workers: how many of its processes live: of the gateway, and of a portal.
        versions: of the software that they run; two while a release is rolled out.
        started_at: when the oldest of them came up; Unix seconds.
        ahead_s: how far its clock is ahead of the database's; 0 on SQLite.
        seals: whether its workers have a master key.
        jobs: names of the jobs that its workers do for all.
    """

    name: str
    workers: int = 0
    versions: set[str] = field(default_factory=set)
    started_at: float = 0.0
    ahead_s: float = 0.0
    seals: bool = False
    jobs: list[str] = field(default_factory=list)


def about_worker(node: str, version: str, started_at: float, ahead_s: float, *, seals: bool = False) -> str:
    """What a worker tells of itself, as its row keeps it."""
    told = {"node": node, "version": version, "started_at": started_at, "ahead_s": round(ahead_s, 3), "seals": seals}
    return json.dumps(told)


def list_nodes(database: Runner, now: float) -> list[GatewayNode]:
    """All nodes of which a worker lives, by name.

    Args:
        now: by the database's clock.
    """
    workers, held = living(database, now), _held(database, now)
    told_by = dict(database.read(lambda connection: connection.tuples(_ABOUT), whole=False))
    nodes: dict[str, GatewayNode] = {}
    for worker in workers:
        told: Mapping[str, Any] = json.loads(told_by.get(worker.id) or "{}")
        name = told.get("node") or worker.host.partition("/")[0]
        node = nodes.setdefault(name, GatewayNode(name))
        node.workers += 1
        node.versions.update(filter(None, [told.get("version")]))
        node.started_at = min(filter(None, [node.started_at, told.get("started_at")]), default=0.0)
        node.ahead_s = max(node.ahead_s, told.get("ahead_s", 0.0), key=abs)
        node.seals = node.seals or bool(told.get("seals"))
        node.jobs += held.get(worker.id, ())
    for node in nodes.values():
        node.jobs.sort()
    return sorted(nodes.values(), key=lambda node: node.name)


def _held(database: Runner, now: float) -> Mapping[str, Iterable[str]]:
    def load(connection: Connection) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for owner, name in connection.tuples(_LEASES, (now,)):
            found.setdefault(owner, []).append(name)
        return found

    return database.read(load, whole=False)
