"""What operators are told of a finished call's usage: marks on its row, lines in the log."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from router.charging.bounds import Bound
from router.charging.charge import ChargeResult
from router.charging.targets import TargetPlan
from router.money.amounts import NANO
from router.surfaces.remarks import REMARKS, told_cost_nano
from router.types.records import OVER_BOUND, UNPRICED_UNIT, CallRecord, Usage

__all__ = ["marks_of", "tell"]

_log = logging.getLogger("router.charging")


def marks_of(heard: Iterable[str], told: Usage | None, reckoned: ChargeResult, rate_nano: int) -> tuple[str, ...]:
    """What an operator should know of a call's usage: keys of ``REMARKS``, sorted.

    Args:
        heard: what the reply gave rise to.
        told: the usage as the upstream gave it.
        rate_nano: units of the balance currency for one USD, in nano; 0 where none is known.
    """
    marks = {*heard, *reckoned.marks}
    if "unpriced_search" in marks and _searches_charged(reckoned):
        marks.discard("unpriced_search")
    if rate_nano and reckoned.charge_nano and told is not None and (told.raw or told.cost_nano is not None):
        cost_nano = told_cost_nano(told)
        if cost_nano is not None and cost_nano * rate_nano // NANO > reckoned.charge_nano:
            marks.add("unpriced_cost")
    return tuple(sorted(marks)) if marks else ()


def _searches_charged(reckoned: ChargeResult) -> bool:
    units = reckoned.usage.units if reckoned.usage is not None else None
    return units is not None and bool(units.searches) and UNPRICED_UNIT not in reckoned.marks


def tell(record: CallRecord, target: TargetPlan, bound: Bound) -> None:
    """Log the marks of a call.

    Args:
        target: what served it.
        bound: the most that it could use there.
    """
    for mark in record.marks:
        if mark == OVER_BOUND:
            _tell_exceeded(record, target, bound)
        else:
            said = REMARKS.get(mark, mark)
            _log.warning("call %s at %s: %s: %s", record.request_id, target.id, mark, said)


def _tell_exceeded(record: CallRecord, target: TargetPlan, bound: Bound) -> None:
    """The provider obeys no cap, or a card is wrong."""
    times = target.provider.endpoints.exceeded(target.model)
    _log.error(
        "operator: %s told of %d tokens in and %d out for %s, which could use %d and %d at most (%d such calls "
        "here): see that cap_params names the output cap that it obeys, and that its window and overhead are right",
        target.id,
        record.prompt_tokens,
        record.completion_tokens,
        record.request_id,
        bound.prompt_tokens,
        bound.completion_tokens,
        times,
    )
