"""Google's wire as it stands on the socket: doors, keys, lists of JSON, envelopes, and the money."""

from __future__ import annotations

import json
import socket
import struct
import threading
from pathlib import Path
from typing import Any

import pytest
from faces_room import EMBEDDER, MODEL, USED, Room
from gateway_wire import get, send

from router.testing import Answer, Gateway, Stream, chunks, completion, embeddings, token_usage

pytestmark = pytest.mark.slow

HELLO = {"contents": [{"parts": [{"text": "Hello"}]}]}
PLAIN = f"/v1beta/models/{MODEL}:generateContent"
STREAM = f"/v1beta/models/{MODEL}:streamGenerateContent"


def good(room: Room) -> None:
    room.upstream.script(Answer(completion("good day", usage=USED)))


def text_of(answer: Any) -> str:
    return "".join(part["text"] for part in answer["candidates"][0]["content"]["parts"])


@pytest.mark.parametrize(
    ("path", "options"),
    [
        pytest.param(PLAIN, {}, id="fast reader"),
        pytest.param(PLAIN + "?alt=json&x=1", {}, id="fast reader, query"),
        pytest.param(PLAIN.replace("/fast", "%2Ffast"), {}, id="encoded path"),
        pytest.param(PLAIN, {"chunked": [json.dumps(HELLO).encode()]}, id="chunked"),
        pytest.param("/" + PLAIN, {}, id="two slashes"),
        pytest.param(PLAIN.replace("v1beta", "v1"), {}, id="first version"),
    ],
)
def test_every_door_finds_the_model_in_the_path(room: Room, path: str, options: dict[str, Any]) -> None:
    good(room)
    answer = room.post(path, HELLO, **options)
    assert (answer.status, text_of(answer.json())) == (200, "good day")
    assert answer.json()["modelVersion"] == MODEL
    assert room.row()["model"] == MODEL


@pytest.mark.parametrize("place", ["header", "query"])
def test_the_key_where_googles_clients_put_it(room: Room, place: str) -> None:
    key = room.gateway.api_key
    for path in (PLAIN, STREAM, PLAIN.replace("generateContent", "countTokens"), "/v1beta/models/none:generateContent"):
        room.upstream.script(Stream(chunks("a", usage=USED)) if path == STREAM else Answer(completion("a", usage=USED)))
        where = path if place == "header" else f"{path}?key={key}"
        answer = room.post(where, HELLO, {"x-goog-api-key": key} if place == "header" else {}, key="")
        assert answer.status == (404 if "none" in path else 200)
    listed = "/v1beta/models" if place == "header" else f"/v1beta/models?key={key}"
    shown = get(room.gateway, listed, {"x-goog-api-key": key} if place == "header" else {}, key="")
    assert shown.status == 200 and shown.json()["models"]
    assert key not in json.dumps(room.gateway.log)


def test_a_wrong_key_and_two_keys(room: Room) -> None:
    wrong = room.post(PLAIN, HELLO, {"x-goog-api-key": "sk-wrong"}, key="")
    none = room.post(PLAIN, HELLO, key="")
    two = room.post(PLAIN, HELLO, {"x-goog-api-key": "sk-wrong"})
    assert (wrong.status, none.status, two.status) == (401, 401, 400)
    assert wrong.json()["error"]["status"] == "UNAUTHENTICATED"
    assert not room.upstream.requests


def test_the_list_of_the_first_version_is_googles_for_its_clients_alone(room: Room) -> None:
    key = room.gateway.api_key
    googles = get(room.gateway, "/v1/models", {"x-goog-api-key": key}, key="").json()
    assert f"models/{MODEL}" in {one["name"] for one in googles["models"]}
    assert MODEL in {one["id"] for one in get(room.gateway, "/v1/models").json()["data"]}
    one = get(room.gateway, f"/v1/models/{MODEL}", {"x-goog-api-key": key}, key="").json()
    assert one["name"] == f"models/{MODEL}"
    refused = get(room.gateway, "/v1/models", {"x-goog-api-key": "sk-wrong"}, key="")
    assert (refused.status, refused.json()["error"]["code"]) == (401, 401)


def test_a_stream_is_a_list_of_json_where_no_events_are_asked_for(room: Room) -> None:
    room.upstream.script(Stream(chunks("good ", "day", usage=USED, include_usage=True)))
    answer = room.post(STREAM, HELLO)
    assert answer.headers["content-type"] == "application/json"
    pieces = answer.json()
    assert "".join(map(text_of, pieces)) == "good day"
    assert pieces[-1]["candidates"][0]["finishReason"] == "STOP"
    assert pieces[-1]["usageMetadata"]["totalTokenCount"] == 120
    room.upstream.script(Stream(chunks("good ", "day", usage=USED, include_usage=True)))
    events = room.post(f"{STREAM}?alt=sse", HELLO)
    assert events.headers["content-type"].startswith("text/event-stream")
    told = [json.loads(line[6:]) for line in events.body.decode().splitlines() if line]
    assert "".join(map(text_of, told)) == "good day"


@pytest.mark.parametrize("alt", ["", "?alt=sse"])
def test_a_quiet_stream_is_kept_awake(room: Room, alt: str) -> None:
    go_on = threading.Event()
    made = chunks("good ", "day", usage=USED, include_usage=True)
    room.upstream.script(Stream([*made[:2], go_on, *made[2:]]))
    threading.Timer(0.5, go_on.set).start()
    answer = room.post(f"{STREAM}{alt}", HELLO)
    assert (b": keep-alive\n\n" if alt else b"\n\n") in answer.body or b"}\n" in answer.body
    text = answer.body.decode()
    lines = [line[6:] for line in text.splitlines() if line.startswith("data: ")]
    assert "".join(map(text_of, map(json.loads, lines) if alt else json.loads(text))) == "good day"


def test_a_list_that_is_cut_is_still_json(room: Room) -> None:
    room.upstream.script(Stream(chunks("good ", "day"), cut_after=2))
    pieces = room.post(STREAM, HELLO).json()
    assert pieces[-1]["error"]["status"] == "UNAVAILABLE" and text_of(pieces[0]).startswith("good")
    row = room.row()
    assert (row["ending"], row["route"], row["estimated"]) == ("cut", "google_stream", True)


@pytest.mark.parametrize("path", [PLAIN, STREAM, f"{STREAM}?alt=sse"])
def test_one_charge_by_the_upstreams_counts(room: Room, path: str) -> None:
    streamed = path != PLAIN
    made = chunks("good day", usage=USED, include_usage=True)
    room.upstream.script(Stream(made) if streamed else Answer(completion("good day", usage=USED)))
    answer = room.post(path, HELLO)
    row = room.row()
    assert row["request_id"] == answer.headers["x-request-id"]
    assert (row["route"], row["streamed"]) == (("google_stream" if streamed else "google"), streamed)
    assert (row["prompt_tokens"], row["completion_tokens"], row["estimated"]) == (100, 20, False)
    assert row["charge"] == "0.0004", "100 at 3 and 20 at 5 for a million"


def test_a_client_that_leaves_is_charged_what_the_upstream_tells(room: Room) -> None:
    go_on = threading.Event()
    made = chunks(*["word "] * 400, usage=USED, include_usage=True)
    room.upstream.script(Stream([*made[:3], go_on, *made[3:]]))
    before = room.gateway.router("usage", "show", "--limit", "1")
    body = json.dumps(HELLO).encode()
    with socket.create_connection(("127.0.0.1", room.gateway.port)) as client:
        head = f"POST {STREAM}?alt=sse HTTP/1.1\r\nHost: x\r\nx-goog-api-key: {room.gateway.api_key}\r\n"
        client.sendall(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert b"word" in client.recv(65536)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    go_on.set()
    room.upstream.wait_for(lambda: room.gateway.router("usage", "show", "--limit", "1") != before)
    row = room.row()
    assert (row["ending"], row["completion_tokens"], row["estimated"]) == ("disconnect", 20, False)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "contents"),
        ({"contents": []}, "contents"),
        ({"contents": [{"parts": [{"text": 1}]}]}, "contents[0].parts[0].text"),
        ({"contents": [{"parts": [{}]}]}, "contents[0].parts[0]"),
        ({"contents": [{"role": "robot", "parts": []}]}, "contents[0].role"),
        ({"contents": [{"parts": [{"executableCode": {}}]}]}, "contents[0].parts[0]"),
        (
            {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png"}}]}]},
            "contents[0].parts[0].inlineData.data",
        ),
        ({"contents": [{"parts": [{"fileData": {"fileUri": "gs://a"}}]}]}, "contents[0].parts[0].fileData.fileUri"),
        (
            {"contents": [{"parts": [{"functionResponse": {"name": "f", "response": {}}}]}]},
            "contents[0].parts[0].functionResponse",
        ),
        ({**HELLO, "tools": [{"googleSearch": {}}]}, "tools[0].googleSearch"),
        ({**HELLO, "cachedContent": "cachedContents/x"}, "cachedContent"),
        ({**HELLO, "generationConfig": {"candidateCount": 2}}, "generationConfig.candidateCount"),
        ({**HELLO, "generationConfig": {"temperature": "hot"}}, "generationConfig.temperature"),
        ({**HELLO, "generationConfig": {"responseModalities": ["AUDIO"]}}, "generationConfig.responseModalities"),
        ({**HELLO, "generationConfig": {"responseMimeType": "text/x.enum"}}, "generationConfig.responseMimeType"),
        ({**HELLO, "generation_config": {"thinking_config": 1}}, "generationConfig.thinkingConfig"),
    ],
)
def test_a_bad_request_names_the_field(room: Room, body: Any, field: str) -> None:
    for path in (PLAIN, f"{STREAM}?alt=sse", PLAIN.replace("generateContent", "countTokens")):
        answer = room.post(path, body)
        error = answer.json()["error"]
        assert (answer.status, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT"), error
        violations = [one["fieldViolations"] for one in error["details"] if one["@type"].endswith("BadRequest")]
        assert violations[0][0]["field"] == field
    assert not room.upstream.requests


def test_a_number_of_any_length_in_a_schema_is_no_fault_of_ours(room: Room) -> None:
    good(room)
    schema = {"type": "ARRAY", "items": {"type": "STRING", "minLength": "3"}, "maxItems": "9" * 5000}
    config = {"responseMimeType": "application/json", "responseSchema": schema}
    assert room.post(PLAIN, {**HELLO, "generationConfig": config}).status == 200


def test_what_is_dropped_is_named(room: Room) -> None:
    good(room)
    config = {"topK": 4, "newThing": 1, "thinkingConfig": {"other": 1}, "maxOutputTokens": 9}
    answer = room.post(PLAIN, {**HELLO, "safetySettings": [], "generation_config": config, "shiny": True})
    told = answer.headers["x-router-dropped-params"].split(", ")
    wanted = ["safetySettings", "generationConfig.topK", "generationConfig.newThing"]
    assert sorted(told) == sorted([*wanted, "generationConfig.thinkingConfig.other", "shiny"])
    assert 9 in (room.sent.get("max_completion_tokens"), room.sent.get("max_tokens"))


def test_what_is_dropped_is_named_whatever_its_name(room: Room) -> None:
    good(room)
    answer = room.post(PLAIN, {**HELLO, "a\nb": 1, "\u0442": 2, **{f"more{n}": n for n in range(50)}})
    assert answer.status == 200 and text_of(answer.json()) == "good day"
    told = answer.headers["x-router-dropped-params"].split(", ")
    assert told[:2] == ["a\\nb", "\\u0442"] and told[-1] == "and 28 more" and len(told) == 25


def test_what_an_id_stands_for_does_not_end_as_other_paths_do(room: Room) -> None:
    key = {"x-goog-api-key": room.gateway.api_key}
    for action in ("generateContent", "countTokens"):
        for place in ("/v1beta/models", "/v1/models"):
            answer = get(room.gateway, f"{place}/{MODEL}:{action}", key, key="")
            assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_a_model_of_another_kind_is_none_of_googles(tmp_path: Path) -> None:
    models = {"rank": {"kind": "rerank"}, "talk": {"kind": "chat"}}
    acme = {"kind": "compatible", "base_url": "http://127.0.0.1:9/v1", "api_key": "sk-x", "models": models}
    with Gateway(tmp_path, providers={"acme": acme}, billing=False) as gateway:
        listed = get(gateway, "/v1beta/models").json()["models"]
        assert listed and "models/acme/rank" not in {one["name"] for one in listed}
        assert get(gateway, "/v1beta/models/acme/talk").status == 200
        assert get(gateway, "/v1beta/models/acme/rank").status == 404


def test_errors_have_googles_envelope_wherever_they_come_from(room: Room) -> None:
    nowhere = room.post(f"/v1beta/models/{MODEL}:nothing", {})
    method = get(room.gateway, PLAIN)
    model = room.post("/v1beta/models/acme/none:generateContent", HELLO)
    action = room.post(f"/v1beta/models/{MODEL}:batchGenerateContent", HELLO)
    broken = room.post(PLAIN, b"{")
    first = room.post(f"/v1/models/{MODEL}:countTokens", {})
    codes = [(one.status, one.json()["error"]["status"]) for one in (nowhere, model, broken, first)]
    unknown = (404, "NOT_FOUND")
    assert codes == [(405, "UNIMPLEMENTED"), unknown, (400, "INVALID_ARGUMENT"), (400, "INVALID_ARGUMENT")]
    assert {method.status, action.status} <= {404, 405}
    assert "status" in method.json()["error"] and "status" in action.json()["error"]
    assert get(room.gateway, "/v1/nothing").json()["error"]["type"] == "invalid_request_error"


def test_one_vector(room: Room) -> None:
    room.upstream.script(Answer(embeddings("one two", usage=token_usage(2, 0))))
    answer = room.post(f"/v1beta/models/{EMBEDDER}:embedContent", {"content": {"parts": [{"text": "one two"}]}})
    assert len(answer.json()["embedding"]["values"]) == 8
    assert (room.row()["route"], room.row()["completion_tokens"]) == ("google_embed", 0)
    for body, field in (
        ({"content": {"parts": [{"text": "a"}]}, "taskType": "RETRIEVAL_QUERY"}, "taskType"),
        ({"content": {"parts": [{"inlineData": {}}]}}, "content.parts[0]"),
        ({}, "content"),
    ):
        refused = room.post(f"/v1beta/models/{EMBEDDER}:embedContent", body)
        assert refused.status == 400 and field in refused.json()["error"]["message"]
    chat = room.post(f"/v1beta/models/{MODEL}:embedContent", {"content": {"parts": [{"text": "a"}]}})
    assert chat.status == 404 or chat.status == 400


def test_a_repeat_at_another_model_is_no_repeat(room: Room) -> None:
    made = room.gateway.router("keys", "create", "--account", room.gateway.account, "--idempotent")
    headers = {"x-goog-api-key": made["api_key"], "Idempotency-Key": "once"}
    good(room)
    first = room.post(PLAIN, HELLO, headers, key="")
    again = room.post(PLAIN, HELLO, headers, key="")
    assert (again.body, again.headers["idempotent-replayed"]) == (first.body, "true")
    other = room.post(f"/v1beta/models/{EMBEDDER}:generateContent", HELLO, headers, key="")
    assert other.status == 409 or other.status == 400
    assert len(room.upstream.requests) == 1


def test_the_description_has_its_paths(room: Room) -> None:
    paths = get(room.gateway, "/openapi.json").json()["paths"]
    for action in ("generateContent", "streamGenerateContent", "embedContent", "batchEmbedContents"):
        operation = paths[f"/v1beta/models/{{model}}:{action}"]["post"]
        assert [one["name"] for one in operation["parameters"]] == ["Idempotency-Key", "model"]


def test_the_table_of_fields_is_on_its_page() -> None:
    from router_plugins.google_surface.fields import CONTENT, EMBED

    page = (Path(__file__).parents[2] / "docs" / "surfaces.md").read_text(encoding="utf-8")
    for rung in (*CONTENT, *EMBED):
        assert f"| `{rung.name}` | {rung.rung} | {rung.note} |" in page


def test_a_head_in_pieces_is_read_too(room: Room) -> None:
    good(room)
    body = json.dumps(HELLO).encode()
    head = f"POST {PLAIN}?key={room.gateway.api_key} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n".encode()
    answer = send(room.gateway.port, head[:20], head[20:], b"Content-Length: %d\r\n\r\n" % len(body), body)
    assert text_of(answer.json()) == "good day"
