"""All of a key's calls to one model that does not depend on the call: compiled at the first, and used by the others.

A plan is of one ``Key`` object, which any change of key, account, tier or limit replaces, and of one snapshot of the
catalogue, which any change of models, prices or rates replaces; a reload brings new workers. It never admits a call:
what is claimed carries the key's version, and the ledger refuses a stale one.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from router.catalogue.snapshot import Snapshot
from router.charging.meters import Metered
from router.charging.targets import TargetPlan
from router.providers.resolve import Target
from router.surfaces.surface import Surface
from router.types.records import Key

__all__ = ["Plan", "Plans"]

_REMEMBERED_MAX = 10_000


class Plan:
    """The plan of one key's calls on one surface to one model.

    Args:
        snapshot: of the catalogue, that it was made from.
        other: gives a target that is none of the plan's, compiled; None where it has no price.

    Attributes:
        key, surface, model: whose calls, on which surface, and the model as clients write it.
        targets: best first; never empty.
        rate_nano: units of the balance currency for one USD, in nano; 0 where none is known.
        paid: whether calls are charged for.
        metered: what the policies claim; None before the first call is admitted. Made again once it is ``until``.
        shown_model: the model as a JSON text.
        logged: the members of a call's log line that are the plan's.
    """

    __slots__ = (
        "key",
        "logged",
        "metered",
        "model",
        "other",
        "paid",
        "rate_nano",
        "shown_model",
        "snapshot",
        "surface",
        "targets",
    )

    def __init__(
        self,
        key: Key,
        surface: Surface,
        model: str,
        targets: tuple[TargetPlan, ...],
        snapshot: Snapshot,
        other: Callable[[Target], TargetPlan | None],
        *,
        paid: bool,
    ) -> None:
        self.key, self.surface, self.model = key, surface, model
        self.targets = targets
        self.snapshot = snapshot
        self.other = other
        self.rate_nano = snapshot.prices.rate_nano or 0
        self.paid = paid
        self.metered: Metered | None = None
        self.shown_model = json.dumps(model).encode("ascii")
        members = {"route": surface.name, "account": key.account, "key": key.id, "model": model}
        self.logged = json.dumps(members, separators=(",", ":"))[1:-1]


class Plans:
    """The plans of one worker, compiled at the first call of each kind.

    Args:
        snapshot: gives the catalogue's, as it is now.
        compile: makes the plan of a key, a surface and a model, from a snapshot. What it raises is not kept.
    """

    def __init__(
        self, snapshot: Callable[[], Snapshot], compile: Callable[[Key, Surface, str, Snapshot], Plan]
    ) -> None:
        self._snapshot = snapshot
        self._compile = compile
        self._plans: dict[tuple[str, str, str], Plan] = {}

    def of(self, key: Key, surface: Surface, model: str) -> Plan:
        """The plan of a call.

        Raises:
            RouterError: as ``compile`` does.
        """
        snapshot = self._snapshot()
        name = (key.id, surface.name, model)
        plan = self._plans.get(name)
        if plan is not None and plan.key is key and plan.snapshot is snapshot and plan.surface is surface:
            return plan
        plan = self._compile(key, surface, model, snapshot)  # of this snapshot or a newer one; then it is made again
        if len(self._plans) >= _REMEMBERED_MAX:
            self._plans.clear()
        self._plans[name] = plan
        return plan
