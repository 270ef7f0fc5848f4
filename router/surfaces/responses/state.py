"""What is kept of answers: previous turns and single items put back into a request, and answers kept for the next."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router.config.schema import ResponsesSettings
from router.db.database import Database
from router.errors import BadRequest
from router.store.fresh import Fresh
from router.store.kept.responses import (
    KeptResponse,
    delete_response,
    is_kept_id,
    keeping_response,
    kept_bytes,
    read_chain,
    read_items,
    read_response,
)

__all__ = ["ExpandedInput", "ResponseKeeper"]

_COUNTED_S = 10.0
_ACCOUNTS_MAX = 10_000
_CHAIN_BYTES = 32 * 2**20
_REPLAY = (
    "send the whole conversation in 'input', with 'store' false (Vercel AI SDK: providerOptions.openai.store = false)"
)


@dataclass(frozen=True, slots=True)
class ExpandedInput:
    """The input of a request with all that it refers to.

    Attributes:
        items: all that the model is to read: of the turns before, and its own.
        own: its own alone.
    """

    items: Sequence[Any]
    own: Sequence[Any]


class ResponseKeeper:
    """Keeps answers, and finds them again.

    Args:
        settings: whether, how long, how much.
        database: where.
        clock: Unix seconds.
    """

    def __init__(self, settings: ResponsesSettings, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._kept: dict[str, Fresh[int]] = {}

    def expand(self, account: str, previous_id: str | None, items: Sequence[Any]) -> ExpandedInput:
        """A request's input with all that it refers to.

        Args:
            previous_id: of the answer before it; None for none.
            items: of its ``input``.

        Raises:
            BadRequest: it refers to what is not there, or too much; naming the field, and what to do.
        """
        own = self._resolved(account, items)
        if previous_id is None:
            return ExpandedInput(own, own)
        if not self._settings.store:
            raise _stateless("previous_response_id")
        now = self._clock()
        known = is_kept_id(previous_id)
        chain = read_chain(self._database, account, previous_id, now, max_bytes=_CHAIN_BYTES) if known else None
        if chain is None:
            raise BadRequest(
                f"Previous response with id {previous_id[:80]!r} is not kept here, or not any more: "
                "send the whole conversation in 'input' instead.",
                code="previous_response_not_found",
                param="previous_response_id",
            )
        before = [item for kept in chain for item in (*kept.input, *kept.output)]
        return ExpandedInput([*before, *own], own)

    def keeps(self, account: str, wanted: Any) -> bool:
        """Whether an answer will be kept.

        Args:
            wanted: the request's ``store``.
        """
        return self._settings.store and wanted is not False and self._kept_bytes(account) < self._settings.account_bytes

    def fits(self, own: Sequence[Any], response: Mapping[str, Any]) -> bool:
        """Whether an answer is small enough to be kept."""
        return bool(self._keeping("", "", own, response))

    def keeping(
        self, account: str, previous_id: str, own: Sequence[Any], response: Mapping[str, Any]
    ) -> Sequence[tuple[str, tuple[Any, ...]]]:
        """The statements that keep an answer."""
        return self._keeping(account, previous_id, own, response)

    def find(self, account: str, id: str) -> KeptResponse | None:
        """One of an account's answers; None where it is not there (any more)."""
        return read_response(self._database, account, id, self._clock()) if is_kept_id(id) else None

    def delete(self, account: str, id: str) -> bool:
        """Forget one; whether it was there."""
        return is_kept_id(id) and delete_response(self._database, account, id, self._clock())

    def _keeping(
        self, account: str, previous_id: str, own: Sequence[Any], response: Mapping[str, Any]
    ) -> list[tuple[str, tuple[Any, ...]]]:
        now = self._clock()
        expires_at = now + self._settings.keep_s
        kept = KeptResponse(account, str(response.get("id")), previous_id, now, expires_at, own, response)
        return keeping_response(kept, max_bytes=self._settings.max_bytes)

    def _resolved(self, account: str, items: Sequence[Any]) -> Sequence[Any]:
        """The items, those that only name another replaced by it."""
        wanted = {place: item["id"] for place, item in enumerate(items) if _is_reference(item)}
        if not wanted:
            return items
        if not self._settings.store:
            raise _stateless(f"input[{next(iter(wanted))}]")
        ids = sorted(filter(is_kept_id, set(wanted.values())))
        found = read_items(self._database, account, ids, self._clock(), max_bytes=_CHAIN_BYTES)
        made = list(items)
        if len(set(wanted.values())) < len(wanted):
            message = "'input' refers to one item twice: name each once."
            raise BadRequest(message, code="duplicate_item", param="input")
        for place, name in wanted.items():
            if name not in found:
                where = f"input[{place}]"
                raise BadRequest(
                    f"'{where}' refers to the item {name[:80]!r}, which is not kept here, or not any more: {_REPLAY}.",
                    code="item_not_found",
                    param=where,
                )
            made[place] = found[name]
        return made

    def _kept_bytes(self, account: str) -> int:
        """How much is kept for an account, as of ten seconds ago at most."""
        known = self._kept.get(account)
        if known is None:
            if len(self._kept) >= _ACCOUNTS_MAX:
                self._kept.clear()
            known = Fresh(lambda: kept_bytes(self._database, account), max_age_s=_COUNTED_S)
            self._kept[account] = known
        return known.get()


def _is_reference(item: Any) -> bool:
    """An item that only names another; its type may be left out."""
    if not isinstance(item, Mapping) or not isinstance(item.get("id"), str):
        return False
    return item.get("type") == "item_reference" or (item.get("type") is None and item.keys() == {"id"})


def _stateless(where: str) -> BadRequest:
    return BadRequest(
        f"'{where}' refers to an earlier answer, and this gateway keeps none: {_REPLAY}.",
        code="unsupported_parameter",
        param=where,
    )
