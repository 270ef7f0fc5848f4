"""TronGrid before an anvil: a TRON node's JSON-RPC and the REST of its lists, with their limits and penalties."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from node_shim import Shim
from router_plugins.chains import base58check, from_base58check
from router_plugins.chains.deposits import TRANSFER

__all__ = ["TronShim"]

_UNKNOWN = ("eth_getTransactionCount", "eth_sendRawTransaction", "eth_getUncleByBlockHashAndIndex")


class TronShim(Shim):
    """Both doors of TronGrid.

    Args:
        clock: Unix seconds, by which its limits are counted.

    Attributes:
        key: which is asked for, if any: with it more requests a second are served.
        per_second: requests that are served in one second.
        banned_until: when those who asked too often are answered again.
        page: rows of one page, at most.
        indexed: how many rows its lists know; the rest comes later.
        keys_sent: the keys that came.
    """

    def __init__(self, upstream: str, clock: Callable[[], float]) -> None:
        super().__init__(upstream)
        self.clock = clock
        self.per_second = 15
        self.banned_until = 0.0
        self.page = 200
        self.indexed = 10**9
        self.row: Callable[[dict[str, Any]], dict[str, Any]] = lambda row: row
        self.keys_sent: set[str | None] = set()
        self._asked_at: deque[float] = deque()

    def answer(self, path: str, headers: Any, body: bytes) -> tuple[int, Any]:
        self.keys_sent.add(headers.get("TRON-PRO-API-KEY"))
        now = self.clock()
        if now < self.banned_until:
            return 403, {"Error": "The key exceeds the frequency limit"}
        self._asked_at.append(now)
        while self._asked_at[0] <= now - 1:
            self._asked_at.popleft()
        if len(self._asked_at) > self.per_second:
            self.banned_until = now + 30
            return 403, {"Error": "The key exceeds the frequency limit"}
        parts = urlsplit(path)
        if parts.path == "/jsonrpc":
            return super().answer(path, headers, body)
        if self.refusals:
            return self.refusals.pop(0), {"Error": "overloaded"}
        self.asked["rest"] += 1
        return self._list(parts.path.split("/")[3], {name: one[0] for name, one in parse_qs(parts.query).items()})

    def refusal(self, method: str, params: list[Any]) -> tuple[int, str] | None:
        if method in _UNKNOWN:
            return -32601, "the method does not exist/is not available"
        if method == "eth_call" and params[1] != "latest":
            return -32602, "QUANTITY not supported, just support TAG as latest"
        if method == "eth_getBlockByNumber" and params[0] in ("safe", "pending"):
            return -32602, f"TAG {params[0]} not supported"
        if method == "eth_getLogs":
            asked = params[0]
            if int(asked["toBlock"], 16) - int(asked["fromBlock"], 16) > 5000:
                return -32602, "exceed max block range: 5000"
            if any(isinstance(one, list) and len(one) > 1000 for one in asked["topics"]):
                return -32602, "exceed max sub topics: 1000"
        return None

    def _list(self, address: str, query: dict[str, str]) -> tuple[int, Any]:
        """``/v1/accounts/ADDRESS/transactions/trc20``."""
        try:
            account = "0x" + from_base58check(address)[1:].hex()
        except ValueError:
            return 400, {"success": False, "error": "Invalid address: " + address, "statusCode": 400}
        final = self.true("eth_getBlockByNumber", ["finalized", False])["result"]["number"]
        asked = {
            "fromBlock": "0x0",
            "toBlock": final if query.get("only_confirmed") == "true" else "latest",
            "address": "0x" + from_base58check(query["contract_address"])[1:].hex(),
            "topics": [TRANSFER, None, "0x" + account[2:].rjust(64, "0")],
        }
        logs = self.true("eth_getLogs", [asked])["result"]
        rows = [self.row(one) for one in map(self._row, logs)][: self.indexed]
        low, high = int(query.get("min_timestamp", 0)), int(query.get("max_timestamp", 2**63))
        rows = [row for row in rows if low <= row["block_timestamp"] <= high]
        start, size = int(query.get("fingerprint", "0")), min(self.page, int(query.get("limit", "20")))
        meta: dict[str, Any] = {"at": round(self.clock() * 1000), "page_size": len(rows[start : start + size])}
        if start + size < len(rows):
            meta["fingerprint"] = str(start + size)
        return 200, {"data": rows[start : start + size], "success": True, "meta": meta}

    def _row(self, log: Any) -> dict[str, Any]:
        block = self.true("eth_getBlockByNumber", [log["blockNumber"], False])["result"]
        return {
            "transaction_id": log["transactionHash"][2:],
            "token_info": {"symbol": "USDT", "address": _text(log["address"]), "decimals": 6, "name": "Tether USD"},
            "block_timestamp": int(block["timestamp"], 16) * 1000,
            "from": _text("0x" + log["topics"][1][-40:]),
            "to": _text("0x" + log["topics"][2][-40:]),
            "type": "Transfer",
            "value": str(int(log["data"], 16)),
        }


def _text(account: str) -> str:
    return base58check(b"\x41" + bytes.fromhex(account[2:]))
