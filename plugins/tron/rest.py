"""TronGrid's REST, the second source: a deposit is credited when it is listed there as confirmed."""

from __future__ import annotations

import logging
from typing import Any

from router_plugins.chains import Deposit, Node, NodeFault, rest

__all__ = ["TronGrid"]

_PAGES_MAX = 10
_PAGE = "200"


class TronGrid:
    """The confirmed transfers of an address.

    Args:
        node: its base URL and key.
        contract: of the token, as T...
    """

    def __init__(self, node: Node, contract: str, log: logging.Logger) -> None:
        self._node = node
        self._contract = contract
        self._log = log

    def has(self, deposit: Deposit, now: float) -> bool:
        """Whether it lists the deposit. Two in one transaction are two rows that may be equal, so rows are counted.

        Raises:
            NodeFault: it cannot be asked now: it is down, limits us, or rests after that.
        """
        if self._node.rests(now):
            raise NodeFault(f"{self._node.host} rests after a failure")
        try:
            rows = self._rows(deposit)
        except NodeFault as fault:
            rest(self._node, fault, now, self._log)
            raise
        self._node.failures = 0
        return len(rows) > deposit.n and str(deposit.amount) in [row.get("value") for row in rows]

    def _rows(self, deposit: Deposit) -> list[dict[str, Any]]:
        """The transfers of this token to this address in the deposit's transaction."""
        query = {
            "only_confirmed": "true",
            "only_to": "true",
            "contract_address": self._contract,
            "min_timestamp": str(deposit.at * 1000),
            "max_timestamp": str(deposit.at * 1000 + 999),
            "order_by": "block_timestamp,asc",
            "limit": _PAGE,
        }
        found: list[dict[str, Any]] = []
        for _ in range(_PAGES_MAX):
            page = self._node.get(f"/v1/accounts/{deposit.address}/transactions/trc20", query)
            rows = page.get("data") if isinstance(page, dict) and page.get("success") else None
            if not isinstance(rows, list):
                raise NodeFault(f"{self._node.host} does not list the transfers of {deposit.address}")
            found += [row for row in rows if isinstance(row, dict) and self._is_of(row, deposit)]
            meta = page.get("meta")
            further = meta.get("fingerprint") if isinstance(meta, dict) else None
            if not further or not rows:
                break
            query["fingerprint"] = str(further)
        return found

    def _is_of(self, row: dict[str, Any], deposit: Deposit) -> bool:
        token = row.get("token_info")
        return (
            row.get("type") == "Transfer"
            and row.get("to") == deposit.address
            and isinstance(token, dict)
            and token.get("address") == self._contract
            and row.get("transaction_id") == deposit.tx.removeprefix("0x")
        )
