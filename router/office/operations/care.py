"""What operators look at to care for a gateway: its nodes, and what wants them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from router.jobs.database_clock import NOTICED_S, DatabaseClock
from router.jobs.nodes import GatewayNode
from router.jobs.nodes import list_nodes as read_nodes
from router.jobs.workers import serving
from router.office.alerts import current_alerts
from router.office.office import Office
from router.office.operations.operation import OperationAnswer, operation
from router.types.periods import iso_time

__all__ = ["GatewayNode", "list_alerts", "list_nodes", "living_nodes", "node_faults", "served_providers"]


@operation("nodes list", "form:NothingForm")
def list_nodes(office: Office) -> OperationAnswer:
    """The machines whose workers serve this database now."""
    nodes = living_nodes(office)
    rows = [
        {
            "node": node.name,
            "workers": node.workers,
            "versions": sorted(node.versions),
            "started_at": iso_time(node.started_at) if node.started_at else None,
            "clock_ahead_s": node.ahead_s,
            "jobs": node.jobs,
        }
        for node in nodes
    ]
    return OperationAnswer(rows, warnings=list(node_faults(nodes)))


def living_nodes(office: Office) -> list[GatewayNode]:
    """The nodes of which a worker lives, by the database's clock."""
    clock = DatabaseClock(office.clock)
    office.database.read(clock.compare, whole=False)
    return read_nodes(office.database, clock())


def served_providers(office: Office) -> frozenset[str] | None:
    """The providers that the running gateway has active; None where none runs that tells."""
    return serving(office.database, office.clock())


def node_faults(nodes: Sequence[GatewayNode]) -> Iterator[str]:
    """What is wrong between nodes, in words."""
    for node in nodes:
        if abs(node.ahead_s) > NOTICED_S:
            side = "ahead of" if node.ahead_s > 0 else "behind"
            yield (
                f"The clock of {node.name} is {abs(node.ahead_s):.1f} s {side} the database's: windows of limits, "
                "prices that begin and times of calls are shifted by that there. Have it set (NTP)."
            )
    versions = sorted(set().union(*(node.versions for node in nodes)))
    if len(versions) > 1:
        yield f"Nodes run versions {' and '.join(versions)}: finish the upgrade."


@operation("alerts list", "form:NothingForm")
def list_alerts(office: Office) -> OperationAnswer:
    """What is wrong now and wants an operator, the newest first."""
    rows = [
        {"kind": one.kind, "since": iso_time(one.since), "detail": one.detail, "remedy": one.remedy}
        for one in current_alerts(office)
    ]
    return OperationAnswer(rows)
