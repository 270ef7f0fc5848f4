"""A real chain for tests: anvil with real token contracts, and what tests do with them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import requests
from router_plugins.chains import keccak256

__all__ = ["ARTEFACTS", "Chain", "running_chain", "words"]

ARTEFACTS = Path(__file__).parent / "contracts" / "artefacts.json"
_GAS = hex(25_000_000)


def words(*values: int | str) -> str:
    """Numbers and addresses as the words of a call's data."""
    return "".join(f"{int(one, 16) if isinstance(one, str) else one:064x}" for one in values)


def _array(values: Sequence[int | str]) -> str:
    return words(len(values), *values)


def _selector(signature: str) -> str:
    return "0x" + keccak256(signature.encode())[:4].hex()


class Chain:
    """One chain, whose blocks are mined when a test says so; amounts are in minor units.

    Attributes:
        url: of its JSON-RPC.
        rich: an account that owns all tokens, and other accounts of the node's.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self.rich, *self.others = self.call("eth_accounts")

    def call(self, method: str, *params: Any) -> Any:
        payload = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = self._session.post(self.url, json=payload, timeout=60).json()
        assert "error" not in answer, (method, params, answer["error"])
        return answer["result"]

    @property
    def head(self) -> int:
        return int(self.call("eth_blockNumber"), 16)

    @property
    def now(self) -> int:
        """When the newest block was made, Unix seconds."""
        return int(self.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def mine(self, count: int = 1, every_s: int = 1) -> None:
        self.call("anvil_mine", hex(count), hex(every_s))

    def reorganise(self, depth: int, again: Sequence[tuple[str, int]] = ()) -> None:
        """Make the last blocks anew, as many: with these raw transactions, each at a place among them."""
        self.call("anvil_reorg", depth, [list(one) for one in again])

    def send(self, to: str | None, data: str = "0x", value: int = 0, sender: str = "") -> str:
        """Put a transaction into the pool; its hash. No block is mined."""
        transaction = {"from": sender or self.rich, "data": data, "value": hex(value), "gas": _GAS}
        return str(self.call("eth_sendTransaction", transaction | ({"to": to} if to else {})))

    def raw(self, tx: str) -> str:
        """A transaction as it was sent, to send it once more."""
        return str(self.call("eth_getRawTransactionByHash", tx))

    def deploy(self, code: str) -> str:
        """A contract's address, a block later."""
        tx = self.send(None, code)
        self.mine()
        return str(self.call("eth_getTransactionReceipt", tx)["contractAddress"])

    def six_decimals(self) -> str:
        return self.deploy(_artefact("SixDecimals"))

    def splitter(self) -> str:
        return self.deploy(_artefact("Splitter"))

    def price_feed(self) -> str:
        return self.deploy(_artefact("PriceFeed"))

    def eighteen_decimals(self, packages: Path) -> str:
        """OpenZeppelin's own token, as its package has it compiled."""
        place = packages / "@openzeppelin/contracts/build/contracts/ERC20PresetFixedSupply.json"
        code = json.loads(place.read_text(encoding="utf-8"))["bytecode"]
        text = words(4) + b"USDT".ljust(32, b"\0").hex()
        return self.deploy(code + words(128, 192, 10**36, self.rich) + text + text)

    def pay(self, token: str, to: str, amount: int, sender: str = "") -> str:
        return self.send(token, _selector("transfer(address,uint256)") + words(to, amount), sender=sender)

    def pay_nothing(self, token: str, owner: str, to: str) -> str:
        """A stranger's transfer of zero from somebody who allowed nothing: it is logged all the same."""
        data = _selector("transferFrom(address,address,uint256)") + words(owner, to, 0)
        return self.send(token, data, sender=self.others[0])

    def allow(self, token: str, spender: str) -> str:
        return self.send(token, _selector("approve(address,uint256)") + words(spender, 2**255))

    def pay_many(self, splitter: str, token: str, payments: Sequence[tuple[str, int]]) -> str:
        """Several payments in one transaction."""
        to, amounts = [one for one, _ in payments], [amount for _, amount in payments]
        head = words(token, 96, 96 + 32 * (1 + len(to)))
        data = _selector("pay(address,address[],uint256[])") + head + _array(to) + _array(amounts)
        return self.send(splitter, data)

    def pay_by_contract(self, splitter: str, to: str, value: int) -> str:
        return self.send(splitter, _selector("payEther(address)") + words(to), value)

    def set_price(self, feed: str, price: int, updated: int) -> None:
        data = _selector("set(int256,uint256)") + words(price % 2**256, updated)
        self.send(feed, data)
        self.mine()

    def balance(self, token: str, account: str) -> int:
        data = _selector("balanceOf(address)") + words(account)
        return int(self.call("eth_call", {"to": token, "data": data}, "latest"), 16)


@contextmanager
def running_chain(packages: Path, *options: str) -> Iterator[Chain]:
    """A new chain, on a port that is free; ended with the block."""
    binary = next((packages / "@foundry-rs").glob("anvil-*/bin/anvil"))
    command = [str(binary), "--port", "0", "--no-mining", "--accounts", "4", "--gas-limit", "3000000000", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            said = next((line for line in process.stdout if line.startswith("Listening on ")), "")
            assert said, "anvil ended before it listened"
            Thread(target=process.stdout.read, daemon=True).start()  # a full pipe would stop the chain
            yield Chain(f"http://{said.split()[-1]}")
        finally:
            process.kill()


def _artefact(name: str) -> str:
    return str(json.loads(ARTEFACTS.read_text(encoding="utf-8"))[name])
