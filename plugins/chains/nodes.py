"""One node of a chain, asked over HTTP. What it says is not believed to be well formed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import requests

__all__ = ["Limited", "Node", "NodeFault", "Pacer", "asked_of", "number_in", "text_in"]

_MOST_BYTES = 64 * 2**20
_PART_BYTES = 2**16
_CONNECT_S, _READ_S, _WHOLE_S = 5, 15, 30
_LIMITS = (403, 429, 503)
_LIMIT_WORDS = (
    *("rate limit", "too many requests", "request limit", "compute units", "capacity", "daily limit"),
    "rate exceeded",
)
_REST_MOST_S = 900.0  # above what any failure asks for
_DIGITS_MAX = 66  # 0x and 256 bits


class NodeFault(Exception):
    """A node did not answer, or not with what was asked for. The text names its host, never its whole URL, which may
    hold a key.
    """


class Limited(NodeFault):
    """A node wants to be left alone for a while.

    Attributes:
        pause_s: for how long, where it said so; else 0.
    """

    def __init__(self, message: str, pause_s: float = 0.0) -> None:
        super().__init__(message)
        self.pause_s = pause_s


class Pacer:
    """Spaces requests out, so that whoever is asked has no cause to limit us.

    Args:
        per_second: requests in one second; those of all nodes that share the pacer together.
        clock, sleep: seconds, and what waits for some.
    """

    def __init__(self, per_second: int, clock: Callable[[], float], sleep: Callable[[float], object]) -> None:
        self._every_s = 1 / per_second
        self._clock, self._sleep = clock, sleep
        self._next = 0.0

    def wait(self) -> None:
        """Until it is this request's turn; not for long where the clock was set back."""
        now = self._clock()
        turn = now if self._next > now + 10 else max(now, self._next)
        self._next = turn + self._every_s
        if turn > now:
            self._sleep(turn - now)


class Node:
    """One node.

    Args:
        url: of its JSON-RPC, http or https.
        pacer: whose turn is waited for before each request.
        headers: sent with each request.

    Attributes:
        host: as messages call it.
        proved: whether it was seen to serve the right chain and tokens.
        rests_until: Unix seconds before which it is not to be asked.
        failures: in a row.
    """

    def __init__(self, url: str, pacer: Pacer, headers: Mapping[str, str] | None = None) -> None:
        self._url = url
        self._pacer = pacer
        self._headers = dict(headers or {})
        self._session: requests.Session | None = None
        self.host = urlsplit(url).netloc.rpartition("@")[2]
        self.proved = False
        self.rests_until = 0.0
        self.failures = 0

    def rests(self, now: float) -> bool:
        """Whether it is not to be asked yet. One that failed while the clock was ahead rests no longer than others."""
        return now < self.rests_until <= now + _REST_MOST_S

    def call(self, method: str, *params: Any) -> Any:
        """What the method gives; None where it gives nothing.

        Raises:
            Limited: the node limits us.
            NodeFault: it is down, or says that it cannot.
        """
        return _result(self._post(_request(0, method, params)), self.host)

    def batch(self, method: str, each: Sequence[Sequence[Any]]) -> list[Any]:
        """The same for many sets of parameters, in one request."""
        answers = self._post([_request(number, method, params) for number, params in enumerate(each)])
        if not isinstance(answers, list):
            return [_result(answers, self.host) for _ in each]  # a refusal of the whole: it raises
        by_id = {answer.get("id"): answer for answer in answers if isinstance(answer, dict)}
        return [_result(by_id.get(number), self.host) for number in range(len(each))]

    def get(self, path: str, query: Mapping[str, str]) -> Any:
        """What a plain GET below the URL gives."""
        return self._fetched("GET", self._url + path, params=query)

    def _post(self, payload: Any) -> Any:
        return self._fetched("POST", self._url, json=payload)

    def _fetched(self, verb: str, url: str, **what: Any) -> Any:
        """The decoded JSON of one answer, bounded in time and size; redirects are not followed."""
        import requests  # only where a method is on: the gateway's workers start without it
        from urllib3.exceptions import HTTPError

        if self._session is None:
            self._session = requests.Session()
        self._pacer.wait()
        try:
            with self._session.request(
                verb,
                url,
                headers=self._headers,
                timeout=(_CONNECT_S, _READ_S),
                allow_redirects=False,
                stream=True,
                **what,
            ) as answer:
                status = answer.status_code
                if status in _LIMITS:
                    raise Limited(f"{self.host} limits us ({status})", _pause_s(answer.headers.get("retry-after")))
                body = _body(answer.raw, self.host)
        except (requests.RequestException, HTTPError, OSError, ValueError) as fault:
            raise NodeFault(f"{self.host} does not answer: {type(fault).__name__}") from None  # it may say the URL
        return _decoded(body, status, self.host)


def _body(raw: Any, host: str) -> bytes:
    """The whole body, unless it is too long or comes too slowly: a limit on each read alone would let it drip."""
    until, found = time.monotonic() + _WHOLE_S, bytearray()
    read = getattr(raw, "read1", raw.read)  # older libraries lack the former, and wait until a part is full
    while part := read(_PART_BYTES, decode_content=True):
        found += part
        if len(found) > _MOST_BYTES:
            raise NodeFault(f"{host} answered with more than {_MOST_BYTES >> 20} MiB")
        if time.monotonic() > until:
            raise NodeFault(f"{host} took more than {_WHOLE_S} s for an answer")
    return bytes(found)


def _decoded(body: bytes, status: int, host: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise NodeFault(f"{host} answered with {status} and no JSON") from None


def asked_of(contract: str, data: str) -> list[Any]:
    """The parameters of ``eth_call``; TRON's nodes want somebody who asks."""
    return [{"from": "0x" + "0" * 40, "to": contract, "data": data}, "latest"]


def number_in(value: Any, name: str, host: str) -> int:
    """A member that is a number in hex.

    Raises:
        NodeFault: it is none.
    """
    text = value.get(name) if isinstance(value, dict) else None
    try:
        if isinstance(text, str) and text.startswith("0x") and len(text) <= _DIGITS_MAX:
            return int(text[2:] or "0", 16)
    except ValueError:
        pass
    raise NodeFault(f"{host} answered with a {name} that is no number")


def text_in(value: Any, name: str, host: str) -> str:
    """A member that is text in hex, in lower case.

    Raises:
        NodeFault: it is none.
    """
    text = value.get(name) if isinstance(value, dict) else None
    if isinstance(text, str) and text:
        return text.lower()
    raise NodeFault(f"{host} answered without {name}")


def _request(number: int, method: str, params: Sequence[Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}


def _result(answer: Any, host: str) -> Any:
    if not isinstance(answer, dict):
        raise NodeFault(f"{host} left a question unanswered")
    error = answer.get("error")
    if error is None and "result" in answer:
        return answer["result"]
    message = str(error.get("message", "")) if isinstance(error, dict) else str(error)
    if any(words in message.lower() for words in _LIMIT_WORDS):
        raise Limited(f"{host} limits us: {message[:200]}")
    raise NodeFault(f"{host} refuses: {message[:200]}")


def _pause_s(header: str | None) -> float:
    """Of ``Retry-After`` in seconds; 0 for none, and for a date."""
    try:
        return min(600.0, max(0.0, float(header or 0)))
    except ValueError:
        return 0.0
