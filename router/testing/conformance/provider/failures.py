"""What becomes of errors: their kind, the next target, how long to wait, what the client may know."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from router.errors import KINDS, UpstreamError
from router.testing.conformance.base import NotOffered, expect
from router.testing.conformance.provider.bench import PROVIDER, ProviderBench
from router.testing.conformance.provider.inside import inside
from router.testing.conformance.provider.shapes import halved
from router.testing.conformance.provider.usage import mode
from router.testing.upstream.scripts import Answer, Stream
from router.testing.upstream.wires.shape import ErrorRow

__all__ = ["documented_errors"]

_BROKEN = {
    "an HTML page": b"<html><body>It works!</body></html>",
    "an empty body": b"",
    "half a JSON object": b'{"id": "x", "choi',
    "a JSON list": b"[]",
}


@PROVIDER.rule(
    "P30",
    "Each documented error has its kind, on the row and in the client's status and code.",
    remedy="Tell the kinds apart in kind(failure), by status, type, code or text; see router.errors.KINDS.",
)
def documented_errors(bench: ProviderBench) -> None:
    _need_errors(bench)
    for row in bench.wire.errors:
        for streamed in (False, True):
            bench.script(row.answer())
            heard = bench.ask(bench.spare(), stream=streamed)
            shown = row.shown or KINDS[row.kind].status
            what = f"{row.name!r} ({mode(streamed)}, upstream status {row.status})"
            kinds = [attempt.kind for attempt in bench.row(heard).attempts]
            expect(kinds == [row.kind], f"{what} is {row.kind}, and was taken for {', '.join(kinds)}")
            expect(heard.status == shown, f"{what} became status {heard.status}, not {shown}")
            code = heard.error.get("code")
            expect(code and " " not in code, f"{what} gave the client the code {code!r}")


@PROVIDER.rule(
    "P31",
    "After a failure that another target may cure the next one is called, and after no other.",
    remedy="Raise UpstreamError with the kind that the failure has: the kind decides.",
)
def fallback(bench: ProviderBench) -> None:
    _need_errors(bench)
    for number, row in enumerate(bench.wire.errors):
        bench.script(row.answer(), bench.good_reply(False, "Forty"))
        heard = bench.ask(bench.with_fallback(number))
        calls = len(bench.upstream.requests)
        wanted = 2 if KINDS[row.kind].falls_back else 1
        expect(calls == wanted, f"after {row.name!r} ({row.kind}) {calls} upstream calls were made, not {wanted}")
        expect((heard.status == 200) == (wanted == 2), f"{row.name!r} ({row.kind}) ended in status {heard.status}")


@PROVIDER.rule(
    "P32",
    "What the upstream says of our key and our bill is not shown to clients; what it says of their request is.",
    remedy="Show the upstream's words for bad_request, not_found, context_length and content alone.",
)
def words(bench: ProviderBench) -> None:
    _need_errors(bench)
    for row in bench.wire.errors:
        said = _said(row)
        if not said:
            continue
        bench.script(row.answer())
        told = bench.ask(bench.spare()).error.get("message", "")
        if row.kind in ("auth", "billing"):
            expect(said not in told, f"{row.name!r} ({row.kind}) told the client what it says of our account: {told!r}")
        elif not KINDS[row.kind].falls_back:
            expect(said[:100] in told, f"{row.name!r} said {said!r}, and the client was told {told!r}")


@PROVIDER.rule(
    "P33",
    "How long the upstream asks to wait reaches the client as Retry-After, and nothing is made up.",
    remedy="Give UpstreamError(retry_after_s=...) what the response says, in a header or in the body.",
)
def retry_after(bench: ProviderBench) -> None:
    _need_errors(bench)
    rows = list(bench.wire.errors)
    limit = next((row for row in rows if row.kind == "rate_limit" and row.status == 429), None)
    if limit is not None:
        rows.append(replace(limit, name="a limit with Retry-After: 7", headers={"Retry-After": "7"}, wait_s=7))
    for row in rows:
        bench.script(row.answer())
        told = bench.ask(bench.spare()).headers.get("retry-after")
        wanted = None if row.wait_s is None else f"{max(1, row.wait_s):g}"
        expect(told == wanted, f"{row.name!r} asks to wait {row.wait_s} s, and the client was told {told}")


@PROVIDER.rule(
    "P34",
    "An error in the middle of a stream ends it with one error event, without [DONE].",
    remedy="Give the upstream's error as an item with a top-level error, and answer it in reply.read_error.",
)
def late_error(bench: ProviderBench) -> None:
    script = bench.good_reply(True, *"abcdefgh")
    if not isinstance(script, Stream):
        raise NotOffered("its wire has no streams")
    bench.script(replace(script, events=halved(script, bench.wire.late_error), done=False))
    heard = bench.ask(bench.spare(), stream=True)
    expect(heard.status == 200 and heard.content, f"what came before the error is lost: {heard.raw[:300]!r}")
    expect(heard.error.get("code"), f"the client saw no error event: {heard.raw[-300:]!r}")
    expect(not heard.done, "[DONE] came after the error")
    expect(bench.row(heard).ending == "cut", f"the row's ending is {bench.row(heard).ending!r}, not 'cut'")


@PROVIDER.rule(
    "P35",
    "A success that is no answer (a page, nothing, broken JSON) is a failure, and another target may be tried.",
    remedy="Raise UpstreamError('malformed', ...) or 'server' for a body that cannot be read; never an empty answer.",
)
def broken_bodies(bench: ProviderBench) -> None:
    for name, body in _BROKEN.items():
        for streamed in (False, True):
            kind = "text/html" if b"<html" in body else "application/json"
            bench.script(Answer(body, headers={"Content-Type": kind}))
            heard = bench.ask(bench.spare(), stream=streamed)
            expect(heard.status >= 500, f"{name} ({mode(streamed)}) became status {heard.status}: {heard.raw[:200]!r}")
            kinds = [attempt.kind for attempt in bench.row(heard).attempts]
            expect(all(KINDS[one].falls_back for one in kinds), f"{name} ({mode(streamed)}) was taken for {kinds}")


@PROVIDER.rule(
    "P36",
    "Our key is in no error, no answer and no log line, not even where the upstream repeats it.",
    remedy="Never put headers, settings or an upstream's words on our key into a message; use router's Secret.",
)
def secrets_stay(bench: ProviderBench) -> None:
    texts = [f"The key {bench.api_key} is not yours.", f"Bearer {bench.api_key}"]
    for status in (400, 401, 404, 429, 500):
        for text in texts:
            body = {"error": {"message": text, "type": text, "code": text}, "message": text, "type": "error"}
            bench.script(Answer(body, status=status))
            bench.ask(bench.spare())
    bench.script(Answer.error(400))
    _expect_silent(bench)
    bench.script(Answer({"error": bench.api_key}, status=400))
    bench.ask(bench.spare())
    for heard in bench.heard:
        told = heard.raw.decode("utf-8", "replace") + json.dumps(dict(heard.headers))
        expect(not _shows(bench.api_key, told), "a client was told the key, in " + _around(bench.api_key, told))
    for line in bench.gateway.log_path.read_text(encoding="utf-8", errors="replace").splitlines():
        expect(not _shows(bench.api_key, line), "the key is in the log, in " + _around(bench.api_key, line))


def _expect_silent(bench: ProviderBench) -> None:
    """What the hook raises does not tell the key by itself: the gateway masks it, and the plugin must not need that."""
    with inside(bench) as held:
        try:
            held.chat(False).close()
        except UpstreamError as error:
            told = f"{error.message} {error.detail} {error.code}"
            expect(not _shows(bench.api_key, told), "its error tells the key, in " + _around(bench.api_key, told))


def _need_errors(bench: ProviderBench) -> None:
    if bench.wire.no_upstream:
        raise NotOffered(bench.wire.no_upstream)
    if not bench.wire.errors:
        raise NotOffered("its wire lists no errors")


def _said(row: ErrorRow) -> str:
    """The message in a row's body, in any of the usual shapes; empty where there is none."""
    body: Any = row.body[0] if isinstance(row.body, list) and row.body else row.body
    if not isinstance(body, dict):
        return ""
    error = body.get("error", body)
    text = error.get("message") if isinstance(error, dict) else error
    return text if isinstance(text, str) else ""


def _shows(secret: str, text: str) -> bool:
    """Whether the random part of the secret is there, or half of it."""
    return secret[-24:-12] in text or secret[-12:] in text


def _around(secret: str, text: str) -> str:
    """The text without the secret."""
    return repr(re.sub(re.escape(secret[:10]) + r"\w*", "***", text)[:200])
