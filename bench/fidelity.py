"""What each gateway hands on of what client and upstream say: asked of all of them in the same way, over raw HTTP."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.load import Target
from bench.systems import Server, Upstreams
from router.testing import Answer, ScriptedUpstream, Stream, chunks, completion

__all__ = ["check_fidelity"]

_TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}, "strict": True}}
_USAGE = {
    "prompt_tokens": 11,
    "completion_tokens": 7,
    "total_tokens": 18,
    "prompt_tokens_details": {"cached_tokens": 5, "x_tier": 2},
}
_GAP_S = 0.1  # so that a gateway has sent on what came before the failure
_ERROR = {"error": {"message": "The server is overloaded", "type": "server_error", "code": "overloaded"}}


@dataclass(frozen=True)
class Heard:
    """What the client got.

    Attributes:
        status: of the response.
        body: as it came, as far as it came.
        whole: whether the response ended as HTTP says it should.
    """

    status: int
    body: bytes
    whole: bool

    def events(self) -> list[Any]:
        """The JSON of the stream's events, ``[DONE]`` left out."""
        found = []
        for line in self.body.split(b"\n"):
            if line.startswith(b"data: {"):
                with suppress(ValueError):
                    found.append(json.loads(line[6:]))
        return found

    def json(self) -> Any:
        """The decoded body; an empty object where it is none."""
        with suppress(ValueError):
            return json.loads(self.body)
        return {}


class Line:
    """One gateway with the scripted upstream behind it."""

    def __init__(self, target: Target, upstream: ScriptedUpstream) -> None:
        self.upstream = upstream
        self._target = target

    def ask(self, **more: Any) -> Heard:
        """A chat call."""
        target = self._target
        body = {"model": target.model, "messages": [{"role": "user", "content": "Hello"}], **more}
        connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=30)
        try:
            headers = {"Content-Type": "application/json", **target.headers}
            connection.request("POST", f"{target.base}/chat/completions", json.dumps(body), headers)
            return _read(connection.getresponse())
        except (OSError, http.client.HTTPException):
            return Heard(0, b"", False)
        finally:
            connection.close()

    def sent(self) -> Any:
        """The JSON of the last request that the upstream got."""
        return json.loads(self.upstream.last.body)


def check_fidelity(
    folder: Path, makers: Sequence[Callable[[Path, Upstreams], Server]]
) -> Mapping[str, Mapping[str, str]]:
    """Check -> system -> what became of it."""
    found: dict[str, dict[str, str]] = {name: {} for name in _CHECKS}
    with ScriptedUpstream() as upstream:
        for number, make in enumerate(makers):
            place = folder / f"fidelity-{number}"
            place.mkdir()
            system = make(place, Upstreams(upstream.port, upstream.port, scripted=upstream.port))
            with system:
                line = Line(system.target("scripted"), upstream)
                for name, check in _CHECKS.items():
                    found[name][system.name] = check(line)
    return found


def _tools(line: Line) -> str:
    line.upstream.script(Answer(completion(None, tool_calls=[("weather", '{"city":"Oslo"}')])))
    answer = line.ask(tools=[_TOOL], tool_choice="auto").json()
    asked = line.sent().get("tools") == [_TOOL]
    calls = (_first(answer).get("message") or {}).get("tool_calls") or [{}]
    told = calls[0].get("function") == {"name": "weather", "arguments": '{"city":"Oslo"}'}
    return _both(asked, told)


def _request_fields(line: Line) -> str:
    line.ask(x_vendor={"a": 1}, messages=[{"role": "user", "content": "Hello", "x_note": [1, 2]}])
    sent = line.sent()
    kept = [sent.get("x_vendor") == {"a": 1}, sent.get("messages", [{}])[0].get("x_note") == [1, 2]]
    return _of(kept, ("in the body", "in a message"))


def _response_fields(line: Line) -> str:
    said = completion("Hello", x_meta={"b": 2})
    said["choices"][0]["x_score"] = 0.5
    said["choices"][0]["message"]["reasoning_content"] = "Hm"
    said["choices"][0]["message"]["x_cite"] = ["c"]
    line.upstream.script(Answer(said))
    answer = line.ask().json()
    choice = _first(answer)
    message = choice.get("message") or {}
    kept = [
        answer.get("x_meta") == {"b": 2},
        choice.get("x_score") == 0.5,
        message.get("reasoning_content") == "Hm" and message.get("x_cite") == ["c"],
    ]
    return _of(kept, ("in the body", "in a choice", "in a message"))


def _chunk_fields(line: Line) -> str:
    said = chunks("Hello", x_meta={"b": 2})
    for one in said:
        one["choices"][0]["delta"]["x_cite"] = ["c"]
    line.upstream.script(Stream(said))
    events = line.ask(stream=True).events()
    kept = [
        any(event.get("x_meta") == {"b": 2} for event in events),
        any((_first(event).get("delta") or {}).get("x_cite") == ["c"] for event in events),
    ]
    return _of(kept, ("in a chunk", "in a delta"))


def _usage(line: Line) -> str:
    line.upstream.script(Stream(chunks("Hello", include_usage=True, usage=_USAGE)))
    events = line.ask(stream=True, stream_options={"include_usage": True}).events()
    usages = [event["usage"] for event in events if event.get("usage")]
    if not usages:
        return "lost"
    if usages[-1] == _USAGE:
        return "as sent"
    counts = ("prompt_tokens", "completion_tokens", "total_tokens")
    return "counts only" if all(usages[-1].get(name) == _USAGE[name] for name in counts) else "other counts"


def _cut(line: Line) -> str:
    line.upstream.script(Stream(chunks("Hello", " there", " again"), cut_after=3, gap_s=_GAP_S))
    return _ending(line.ask(stream=True))


def _error(line: Line) -> str:
    line.upstream.script(Stream([*chunks("Hello", " there")[:2], _ERROR], done=False, gap_s=_GAP_S))
    return _ending(line.ask(stream=True))


def _ending(heard: Heard) -> str:
    """How a client learns that a stream failed, if it does."""
    if any(event.get("error") for event in heard.events()):
        return "an error event, then [DONE]" if b"[DONE]" in heard.body else "an error event"
    if not heard.whole:
        return "the connection breaks"
    if heard.status != 200:
        return f"status {heard.status}"
    return "hidden: [DONE]" if b"[DONE]" in heard.body else "a silent end"


_CHECKS: dict[str, Callable[[Line], str]] = {
    "tools: the request's, and the answer's calls": _tools,
    "unknown fields of a request": _request_fields,
    "unknown fields of an answer": _response_fields,
    "unknown fields of a stream": _chunk_fields,
    "usage in a stream, with details": _usage,
    "the upstream's stream is cut": _cut,
    "an error inside the upstream's stream": _error,
}


def _read(response: http.client.HTTPResponse) -> Heard:
    body = b""
    try:
        while piece := response.read1(65536):
            body += piece
    except (OSError, http.client.HTTPException):
        return Heard(response.status, body, False)
    return Heard(response.status, body, True)


def _first(answer: Any) -> dict[str, Any]:
    choices = answer.get("choices") or [{}]
    return dict(choices[0])


def _both(asked: bool, told: bool) -> str:
    return _of([asked, told], ("the request's", "the answer's"))


def _of(kept: Sequence[bool], places: Sequence[str]) -> str:
    lost = [place for place, good in zip(places, kept, strict=True) if not good]
    if not lost:
        return "as sent"
    return "lost" if len(lost) == len(kept) else f"lost {' and '.join(lost)}"
