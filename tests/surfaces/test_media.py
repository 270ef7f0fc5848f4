"""Images, sound, judgements and rankings through the door: what providers are sent, and what is charged, by unit."""

from __future__ import annotations

import io
import struct
import threading
import wave
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from gateway_wire import post

from router.surfaces.media.durations import audio_length
from router.testing import Answer, Gateway, ScriptedUpstream

pytestmark = pytest.mark.slow

IMAGE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
MODELS: dict[str, Any] = {
    "paint": {"kind": "images"},
    "draw": {"kind": "images", "max_output": 5000, "image_tokens": 2000},
    "voice": {"kind": "speech"},
    "ear": {"kind": "transcriptions"},
    "bare": {"kind": "images"},
    "sized": {"kind": "images"},
    "judge": {"kind": "moderations", "context_window": 8000},
    "rank": {"kind": "rerank"},
    "read": {"kind": "rerank", "context_window": 8000},
    "talk": {"kind": "chat", "context_window": 1000},
}
PRICES: dict[str, Any] = {
    "acme/paint": {"per_image": "0.04"},
    "acme/draw": {"input": "5", "output": "40", "per_image": "0"},
    "acme/sized": {
        "per_image": "0.04",
        "tiers": [
            {"sizes": ["1792x1024"], "per_image": "0.08"},
            {"qualities": ["hd"], "per_image": "0.07"},
            {"sizes": ["1792x1024"], "qualities": ["hd"], "per_image": "0.12"},
        ],
    },
    "acme/voice": {"per_million_characters": "15"},
    "acme/ear": {"per_second": "0.0001"},
    "acme/judge": {"input": "0.1"},
    "acme/rank": {"per_search": "0.002"},
    "acme/read": {"input": "0.02", "per_search": "0"},
    "acme/talk": {"input": "1", "output": "1"},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, ScriptedUpstream]]:
    folder = tmp_path_factory.mktemp("media")
    with ScriptedUpstream() as upstream:
        acme = {"kind": "compatible", "base_url": upstream.url, "api_key": "sk-x", "models": MODELS}
        with Gateway(folder / "home", providers={"acme": acme}, config={"prices": PRICES}) as gateway:
            yield gateway, upstream


@pytest.fixture
def gateway(place: tuple[Gateway, ScriptedUpstream]) -> Gateway:
    return place[0]


@pytest.fixture
def upstream(place: tuple[Gateway, ScriptedUpstream]) -> ScriptedUpstream:
    place[1].reset()
    return place[1]


@pytest.fixture
def sdk(gateway: Gateway) -> openai.OpenAI:
    return gateway.client(max_retries=0)


def last_row(gateway: Gateway) -> dict[str, Any]:
    row: dict[str, Any] = gateway.router("usage", "show", "--limit", "1")[0]
    return row


def sent_form(upstream: ScriptedUpstream) -> bytes:
    sent = upstream.requests[-1]
    assert sent.headers["content-type"].startswith("multipart/form-data; boundary=")
    return sent.body


def wav(seconds: float) -> bytes:
    kept = io.BytesIO()
    with wave.open(kept, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(8000)
        written.writeframes(bytes(int(seconds * 16000)))
    return kept.getvalue()


def images(count: int, **more: Any) -> Answer:
    return Answer({"created": 1, "data": [{"b64_json": "aGk="}] * count, **more})


def test_images_are_charged_one_by_one(gateway: Gateway, upstream: ScriptedUpstream, sdk: openai.OpenAI) -> None:
    upstream.script(images(2))
    answer = sdk.images.generate(model="acme/paint", prompt="a lighthouse", n=2, size="1024x1024")
    assert [one.b64_json for one in answer.data or ()] == ["aGk=", "aGk="]
    assert upstream.requests[-1].path.endswith("/images/generations")
    assert upstream.requests[-1].json() == {"model": "paint", "prompt": "a lighthouse", "n": 2, "size": "1024x1024"}
    row = last_row(gateway)
    assert (row["route"], row["units"], row["charge"], row["estimated"]) == ("images", {"images": 2}, "0.08", False)


@pytest.mark.parametrize(
    ("asked", "charge"),
    [
        ({}, "0.08"),
        ({"size": "auto", "quality": "standard"}, "0.08"),
        ({"size": "512x512", "quality": None}, "0.08"),
        ({"size": "1792x1024"}, "0.16"),
        ({"width": 1792, "height": 1024}, "0.16"),
        ({"quality": "HD"}, "0.14"),
        ({"size": "1792X1024", "quality": "hd"}, "0.24"),
    ],
)
def test_sizes_and_qualities_have_prices(
    gateway: Gateway, upstream: ScriptedUpstream, asked: dict[str, Any], charge: str
) -> None:
    upstream.script(images(2))
    answer = post(gateway, "/v1/images/generations", {"model": "acme/sized", "prompt": "x", "n": 2, **asked})
    assert (answer.status, answer.headers["x-router-charge"]) == (200, charge)
    row = last_row(gateway)
    assert row["prices"]["per_image"] == f"{int(charge.replace('.', '')) / 200:g}" and row["marks"] == []


@pytest.mark.parametrize(
    ("model", "asked", "field"),
    [
        ("paint", {"size": "1792x1024"}, "size"),
        ("paint", {"size": "4K"}, "size"),
        ("paint", {"quality": "hd"}, "quality"),
        ("paint", {"resolution": "2k"}, "size"),
        ("paint", {"width": 4096, "height": 4096}, "size"),
        ("sized", {"size": "2048x2048"}, "size"),
        ("sized", {"size": "2048x2048", "quality": "hd"}, "size"),
        ("sized", {"quality": "ultra"}, "quality"),
        ("sized", {"size": "1792x1024", "quality": "ultra"}, "quality"),
    ],
)
def test_sizes_and_qualities_without_a_price_are_refused(
    gateway: Gateway, upstream: ScriptedUpstream, model: str, asked: dict[str, Any], field: str
) -> None:
    answer = post(gateway, "/v1/images/generations", {"model": f"acme/{model}", "prompt": "x", **asked})
    error = answer.json()["error"]
    assert (answer.status, error["param"], error["code"]) == (400, field, "unpriced_extra")
    assert "has no price on this gateway" in error["message"] and not upstream.requests
    upstream.script(images(1))
    paid_by_tokens = post(gateway, "/v1/images/generations", {"model": "acme/draw", "prompt": "x", **asked})
    assert paid_by_tokens.status == 200


def test_fewer_images_than_asked_for_cost_less(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    upstream.script(images(1))
    answer = post(gateway, "/v1/images/generations", {"model": "acme/paint", "prompt": "x", "n": 3})
    assert answer.headers["x-router-charge"] == "0.04"


def test_tokens_of_images_are_charged_where_they_are_told(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    upstream.script(images(1, usage={"input_tokens": 20, "output_tokens": 4000, "total_tokens": 4020}))
    answer = post(gateway, "/v1/images/generations", {"model": "acme/draw", "prompt": "x"})
    assert answer.headers["x-router-charge"] == "0.1601", "20 at 5 and 4000 at 40 for a million"
    row = last_row(gateway)
    assert (row["prompt_tokens"], row["completion_tokens"], row["marks"]) == (20, 4000, [])


def test_an_edit_passes_its_files_on(gateway: Gateway, upstream: ScriptedUpstream, sdk: openai.OpenAI) -> None:
    upstream.script(images(1))
    files = [("a.png", IMAGE, "image/png"), ("b.png", IMAGE + b"2", "image/png")]
    sdk.images.edit(model="acme/paint", prompt="bluer", image=files, n=1)
    form = sent_form(upstream)
    assert IMAGE in form and IMAGE + b"2" in form and b'filename="a.png"' in form and b"image/png" in form
    assert b'name="model"\r\n\r\npaint\r\n' in form
    assert last_row(gateway)["units"] == {"images": 1}
    assert last_row(gateway)["route"] == "image_edits"


def test_speech_is_audio_as_it_comes(gateway: Gateway, upstream: ScriptedUpstream, sdk: openai.OpenAI) -> None:
    sound = bytes(range(256)) * 300
    upstream.script(Answer(sound, headers={"Content-Type": "audio/mpeg"}, framing="chunked", write_size=4096))
    asked = {"model": "acme/voice", "voice": "alloy", "input": "Grüß dich", "speed": 1.5}
    with sdk.audio.speech.with_streaming_response.create(**asked) as answer:  # type: ignore[arg-type]
        assert answer.headers["content-type"] == "audio/mpeg"
        assert b"".join(answer.iter_bytes()) == sound
    assert upstream.requests[-1].json() == {**asked, "model": "voice"}
    row = last_row(gateway)
    assert (row["route"], row["units"], row["charge"]) == ("speech", {"characters": 9}, "0.000135")


def test_speech_that_breaks_off_is_cut_for_the_client_too(
    gateway: Gateway, upstream: ScriptedUpstream, sdk: openai.OpenAI
) -> None:
    upstream.script(
        Answer(bytes(90000), headers={"Content-Type": "audio/mpeg"}, framing="chunked", cut_after_bytes=50000)
    )
    create = sdk.audio.speech.with_streaming_response.create
    with (
        create(model="acme/voice", voice="alloy", input="hello") as answer,
        pytest.raises(Exception, match=r"incomplete|peer closed"),
    ):
        list(answer.iter_bytes())
    row = last_row(gateway)
    assert (row["ending"], row["units"]) == ("cut", {"characters": 5})


def test_a_listener_who_leaves_pays(gateway: Gateway, upstream: ScriptedUpstream, sdk: openai.OpenAI) -> None:
    rest = threading.Event()
    piece = bytes(20000)

    class Slow(Answer):
        def parts(self) -> Iterator[Any]:
            yield piece
            yield rest
            yield piece

    upstream.script(Slow(b"", headers={"Content-Type": "audio/mpeg"}, framing="chunked"))
    with sdk.audio.speech.with_streaming_response.create(model="acme/voice", voice="alloy", input="goodbye") as answer:
        next(answer.iter_bytes(1000))
    rest.set()
    upstream.wait_for(lambda: last_row(gateway)["units"] == {"characters": 7})
    row = last_row(gateway)
    assert (row["ending"], row["charge"]) == ("disconnect", "0.000105")


def test_an_upstreams_error_costs_nothing(gateway: Gateway, upstream: ScriptedUpstream, sdk: openai.OpenAI) -> None:
    upstream.script(Answer.error(400, "That voice is not ours.", code="bad_voice"))
    with pytest.raises(openai.BadRequestError, match="That voice is not ours"):
        sdk.audio.speech.create(model="acme/voice", voice="nobody", input="hello")
    row = last_row(gateway)
    assert (row["ending"], row["charge"], row["units"]) == ("error", "0", {})


@pytest.mark.parametrize("told", [{"usage": {"type": "duration", "seconds": 3}}, {"duration": "2.9991"}, {}])
def test_transcriptions_are_charged_by_the_millisecond(
    gateway: Gateway, upstream: ScriptedUpstream, sdk: openai.OpenAI, told: dict[str, Any]
) -> None:
    upstream.script(Answer({"text": "hello there", **told}))
    sound = wav(2.5)
    answer = sdk.audio.transcriptions.create(model="acme/ear", file=("talk.wav", sound, "audio/wav"), language="en")
    assert answer.text == "hello there"
    form = sent_form(upstream)
    assert sound in form and b'name="language"\r\n\r\nen' in form
    used = 3000 if told else 2503
    row = last_row(gateway)
    assert row["units"] == {"milliseconds": used}, "the file's 44 bytes of header count as 3 ms"
    assert row["charge"] == ("0.0003" if told else "0.0002503")
    assert row["estimated"] is (not told)


def test_a_transcript_may_be_plain_text(gateway: Gateway, upstream: ScriptedUpstream, sdk: openai.OpenAI) -> None:
    said = b"WEBVTT\n\n00:00.000 --> 00:01.000\nhello\n"
    upstream.script(Answer(said, headers={"Content-Type": "text/vtt"}))
    asked = sdk.audio.transcriptions.with_raw_response.create
    answer = asked(model="acme/ear", file=("talk.wav", wav(1)), response_format="vtt")
    assert answer.content == said and answer.headers["content-type"] == "text/vtt"
    assert last_row(gateway)["units"] == {"milliseconds": 1003}


def test_moderations_are_passed_on(gateway: Gateway, upstream: ScriptedUpstream, sdk: openai.OpenAI) -> None:
    result = {"flagged": False, "categories": {}, "category_scores": {}}
    usage = {"prompt_tokens": 20, "total_tokens": 20}
    upstream.script(Answer({"id": "m", "model": "judge", "results": [result], "usage": usage}))
    answer = sdk.moderations.create(model="acme/judge", input=["be kind", "be brief"])
    assert (answer.model, answer.results[0].flagged) == ("acme/judge", False)
    assert upstream.requests[-1].json() == {"model": "judge", "input": ["be kind", "be brief"]}
    row = last_row(gateway)
    assert (row["route"], row["prompt_tokens"], row["charge"]) == ("moderations", 20, "0.000002")


RANKED = {"results": [{"index": 1, "relevance_score": 0.9}]}


@pytest.mark.parametrize(
    ("model", "told", "charge", "units"),
    [
        ("rank", {"meta": {"billed_units": {"search_units": 1.0}}}, "0.002", {"searches": 1}),
        ("rank", {}, "0.002", {"searches": 1}),
        ("read", {"usage": {"total_tokens": 40}}, "0.0000008", {"searches": 1}),
    ],
)
def test_rankings_are_charged_by_the_search_or_the_token(
    gateway: Gateway, upstream: ScriptedUpstream, model: str, told: Any, charge: str, units: Any
) -> None:
    upstream.script(Answer({**RANKED, **told}))
    asked = {"model": f"acme/{model}", "query": "capital of France", "documents": ["Rome", {"text": "Paris"}]}
    answer = post(gateway, "/v1/rerank", asked)
    assert answer.json()["results"] == RANKED["results"]
    assert upstream.requests[-1].json() == {**asked, "model": model}
    row = last_row(gateway)
    assert (row["route"], row["charge"], row["units"]) == ("rerank", charge, units)


FORM = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nacme/ear\r\n'
LONG = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'


def slow_wav(seconds: int) -> bytes:
    """Audio of one byte a second."""
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setparams((1, 1, 1, 0, "NONE", ""))
        file.writeframes(bytes(seconds))
    return data.getvalue()


@pytest.mark.parametrize(
    ("path", "body", "param", "says"),
    [
        ("audio/transcriptions", FORM + b"--b--\r\n", "file", "add the file to the form"),
        ("audio/transcriptions", FORM + LONG + slow_wav(3600 * 13) + b"\r\n--b--\r\n", "file", "split it"),
        ("audio/transcriptions", b"nonsense", None, "form cannot be read"),
        ("images/edits", b"--b--\r\n", "model", "is required"),
        ("images/generations", {"prompt": "x", "n": 11}, "n", "from 1 to 10"),
        ("images/generations", {"n": 1}, "prompt", "is required"),
        ("images/generations", {"prompt": "x", "stream": True}, "stream", "without 'stream'"),
        ("audio/speech", {"voice": "alloy"}, "input", "is required"),
        ("audio/speech", {"voice": "alloy", "input": "x", "speed": 9}, "speed", "from 0.25 to 4"),
        ("audio/speech", {"voice": "alloy", "input": "x", "stream_format": "sse"}, "stream_format", "'audio'"),
        ("moderations", {"input": []}, "input", "must be"),
        ("rerank", {"query": "x", "documents": []}, "documents", "from 1 to"),
        ("rerank", {"query": "x", "documents": [1]}, "documents[0]", "a string or an object"),
        ("audio/transcriptions", {"file": "x"}, None, "multipart/form-data"),
    ],
)
def test_what_cannot_be_served_is_refused_before_anything_is_sent(
    gateway: Gateway, upstream: ScriptedUpstream, path: str, body: Any, param: str | None, says: str
) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"} if isinstance(body, bytes) else {}
    if isinstance(body, dict):
        body = {"model": "acme/voice" if "speech" in path else "acme/paint", **body}
    answer = post(gateway, f"/v1/{path}", body, headers)
    error = answer.json()["error"]
    assert (answer.status, error["param"]) == (400, param)
    assert says in error["message"]
    assert not upstream.requests


def test_a_model_of_another_kind_is_refused(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    answer = post(gateway, "/v1/images/generations", {"model": "acme/talk", "prompt": "x"})
    assert (answer.status, answer.json()["error"]["param"]) == (404, "model"), answer.json()
    assert "per-image" not in answer.json()["error"]["message"]
    spoken = post(
        gateway, "/v1/chat/completions", {"model": "acme/paint", "messages": [{"role": "user", "content": "x"}]}
    )
    assert spoken.status == 404 and not upstream.requests


def test_units_without_a_price_are_refused(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    answer = post(gateway, "/v1/images/generations", {"model": "acme/bare", "prompt": "x"})
    assert (answer.status, answer.json()["error"]["code"]) == (404, "model_not_priced")
    assert not upstream.requests


def test_the_books_are_right(gateway: Gateway) -> None:
    gateway.router("ledger", "verify")


@pytest.mark.parametrize("container", ["flac", "mp4"])
def test_a_length_that_only_a_header_states_is_not_believed(container: str) -> None:
    claimed = {
        "flac": b"fLaC" + bytes(14) + ((8000 << 44) | 8).to_bytes(8, "big"),
        "mp4": bytes(4) + b"ftyp" + bytes(8) + b"mvhd" + bytes(12) + struct.pack(">II", 1000, 1),
    }
    length = audio_length(claimed[container] + bytes(75_000))
    assert not length.exact and length.milliseconds >= 100_000, "75 kB can be a hundred seconds of speech"
