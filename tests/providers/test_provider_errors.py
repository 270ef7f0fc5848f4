"""Each documented error of each provider: its kind, the client's status and exception, what is kept from the client."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from provider_kit import ASK, MODES, Rig, client_error, error_cases

from router.errors import KINDS
from router.testing import Stream, chunks
from router.testing.upstream.wires import WIRES, ErrorRow, Wire

CASES = error_cases()


@pytest.mark.parametrize(
    ("section", "wire", "row", "mode"), CASES, ids=[f"{case[1].name}: {case[2].name}, {case[3]}" for case in CASES]
)
def test_a_documented_error(rig: Rig, section: str, wire: Wire, row: ErrorRow, mode: str) -> None:
    rig.upstream.script(row.answer())
    shown = row.shown or KINDS[row.kind].status
    with pytest.raises(client_error(shown)) as caught:
        rig.ask(f"{section}/{wire.model}", mode)
    error = caught.value
    assert type(error) is client_error(shown)
    assert error.status_code == shown
    assert error.response.headers.get("retry-after") == (None if row.wait_s is None else f"{row.wait_s:g}")
    assert len(rig.upstream.requests) == 1
    if row.kind in ("context_length", "content", "not_found"):
        assert error.code and error.code != "invalid_request_error"
    assert " " not in (error.code or "")
    if row.kind in ("auth", "billing"):
        assert said(row) not in error.message, "our key and our bill are not the client's business"
        assert error.response.headers["x-should-retry"] == "false"
    else:
        assert said(row) in error.message


def said(row: ErrorRow) -> str:
    """The message in a row's body, whatever its shape; empty where there is none."""
    body: Any = row.body[0] if isinstance(row.body, list) else row.body or {}
    error = body.get("error", body.get("detail", body))
    error = error[0] if isinstance(error, list) else error
    return str(error) if isinstance(error, str) else str(error.get("message", error.get("msg", "")))


def test_the_kinds_are_on_the_usage_rows(rig: Rig) -> None:
    cases = {f"{wire.name}-{row.kind}": (wire, row) for _, wire, row, mode in CASES if mode == "stream"}
    for section, (wire, row) in cases.items():
        rig.upstream.script(row.answer())
        with pytest.raises(openai.APIStatusError):
            rig.ask(f"{section}/{wire.model}")
    rows = rig.gateway.router("usage", "show", "--limit", "1000")
    kept = {row["provider"]: [(attempt["kind"], attempt["status"]) for attempt in row["attempts"]] for row in rows}
    assert {section: kept[section] for section in cases} == {
        section: [(row.kind, row.status)] for section, (_, row) in cases.items()
    }


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_an_error_inside_a_stream_after_output(rig: Rig, wire: Wire) -> None:
    head = chunks("forty", model=wire.model)[:2]
    rig.upstream.script(Stream([*head, {"error": {"code": "service_overloaded"}}], done=False))
    text = ""
    with (
        rig.client.chat.completions.create(
            model=f"{rig.spare(wire.name)}/{wire.model}", messages=ASK, stream=True
        ) as events,
        pytest.raises(openai.APIError) as caught,
    ):
        for chunk in events:
            text += chunk.choices[0].delta.content or ""
    assert text == "forty"
    assert caught.value.code == KINDS["overloaded"].code


@pytest.mark.parametrize("mode", MODES)
def test_a_page_in_place_of_json(rig: Rig, mode: str) -> None:
    rig.upstream.script(ErrorRow("page", 502, b"<html>Bad gateway</html>", "server").answer())
    with pytest.raises(openai.InternalServerError) as caught:
        rig.ask(f"{rig.spare('meta')}/muse-spark-1.3", mode)
    assert "html" not in caught.value.message
