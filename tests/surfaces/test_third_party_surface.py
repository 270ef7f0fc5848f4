"""A surface by a third party's means alone: one wire, two lanes, and the money of both."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway_wire import get, post

from router.testing import Answer, Gateway, ScriptedUpstream, Stream, chunks, completion, token_usage

pytestmark = pytest.mark.slow

SHOUT = """
import json

from router import BadRequest, hookimpl
from router.surfaces import (
    Measure, NativeReader, SurfaceAnswer, SurfaceRoute, SurfaceSchema, Translated, TranslatedSurface, TranslatingFace,
)
from router import Usage, UpstreamError


class Face(TranslatingFace):
    def body(self, answer):
        return {"shout": answer["choices"][0]["message"]["content"].upper(), "by": answer["model"]}

    def frames(self, chunks):
        said = [json.loads(chunk) for chunk in chunks]
        texts = [choice["delta"].get("content") or "" for one in said for choice in one["choices"]]
        return "".join(f"+{text.upper()}\\n" for text in texts if text).encode()

    def end_frame(self):
        return b"END\\n"

    def error_frame(self, error):
        return b"FAIL " + (error.code or error.type or "").encode() + b"\\n"

    def heartbeat(self):
        return b"~\\n"


class Reader(NativeReader):
    def __init__(self, call):
        self.call = call
        self.begin(None)

    def begin(self, reply, plugin=""):
        self.usage, self.output, self.finished, self.failure = None, False, False, None
        self.marks, self.reported_model = set(), ""

    def frames(self, batch):
        shown = b""
        for item in batch:
            value = item.json()
            self.output = True
            if "used" in value:
                self.usage, self.finished = Usage(*value["used"]), True
            shown += b"native:" + item.data + b"\\n"
        return shown

    def end(self):
        if not self.finished:
            raise UpstreamError("connection", "cut off")

    def body(self, item):
        value = item.json()
        self.output = self.finished = True
        self.usage = Usage(*value.pop("used"))
        return json.dumps(value).encode()

    def estimate(self, unseen_bytes=0):
        return Usage(1, 1)

    def end_frame(self):
        return b""

    def error_frame(self, error):
        return b"FAIL\\n"

    def heartbeat(self):
        return b"~\\n"


class Shout(TranslatedSurface):
    name = hook = "shout"
    prefixes = ("/shout",)

    def paths(self, dialect):
        return ("/shout/v1",)

    def translate(self, body, request):
        if not isinstance(body.get("say"), str):
            raise BadRequest("'say' must be a text.", param="say")
        chat = {"model": body["model"], "messages": [{"role": "user", "content": body["say"]}]}
        if body.get("stream"):
            chat |= {"stream": True, "stream_options": {"include_usage": True}}
        dropped = [name for name in body if name not in ("model", "say", "stream")]
        return Translated(chat, Face(), dropped)

    def native_reader(self, call):
        return Reader(call)

    def error_status(self, dialect, error):
        return 418

    def error_body(self, dialect, error, request_id):
        return {"oops": error.message, "request": request_id}

    def schema(self):
        text = {"type": "string"}
        answer = {"type": "object", "required": ["shout"], "properties": {"shout": text, "by": text}}
        request = {"type": "object", "required": ["model", "say"], "properties": {"model": text, "say": text}}
        return SurfaceSchema("shout", "Says it louder.", request, {"application/json": answer}, {"say": "hello"})

    def routes(self):
        return [SurfaceRoute("GET", "/shout/v1/<word>", self.louder)]

    def louder(self, request):
        word = request.arguments["word"].upper()
        return SurfaceAnswer(json.dumps({"word": word, "for": request.key.account}).encode())


class Plugin:
    @hookimpl
    def surface(self, context):
        return Shout()


plugin = Plugin()
"""
CRIER = '''
import json

from router import Item, ModelCard, Price, ProviderSettings, Reply, UpstreamError, hookimpl


class Crier:
    """A provider that speaks the other plugin's surface itself, and no chat."""

    @hookimpl
    def settings(self):
        return ProviderSettings

    @hookimpl
    def models(self):
        return [ModelCard("loud", context_window=1000, max_output=10, price=Price.per_million(input="1", output="2"))]

    @hookimpl(optionalhook=True)
    def shout(self, call, context):
        if call.body["say"] == "break":
            raise UpstreamError("server", "out of breath")
        said = {"echo": call.body, "surface": call.surface}
        items = [{"part": 1}, {"part": 2, "used": [7, 3]}] if call.stream else [{**said, "used": [7, 3]}]
        return Reply([[Item.of(one)] for one in items], read_usage=lambda value: None, read_error=None)


plugin = Crier()
'''
USED = token_usage(100, 20)
MODEL = "acme/m"
FACTS = {"context_window": 1000, "max_output": 50}
CONFIG: dict[str, Any] = {
    "fallback": {"crier/loud": [MODEL]},
    "prices": {MODEL: {"input": "3", "output": "5"}},
}


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, install: Callable[..., None]
) -> Iterator[tuple[Gateway, ScriptedUpstream]]:
    folder = tmp_path_factory.mktemp("shout")
    install(folder / "site", "acme-shout", "shout", SHOUT)
    install(folder / "site", "acme-crier", "crier", CRIER)
    with ScriptedUpstream() as upstream:
        acme = {"kind": "compatible", "base_url": upstream.url, "api_key": "sk-x", "models": {"m": FACTS}}
        providers: dict[str, Any] = {"acme": acme, "crier": {}}
        env = {"PYTHONPATH": str(folder / "site")}
        with Gateway(folder / "home", providers=providers, env=env, config=CONFIG) as gateway:
            yield gateway, upstream


def shout(gateway: Gateway, model: str, say: Any = "hello", **fields: Any) -> Any:
    return post(gateway, "/shout/v1", {"model": model, "say": say, **fields})


def row_of(gateway: Gateway, answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = gateway.router("usage", "show", answer.headers["x-request-id"])[0]
    return found


def test_any_chat_provider_serves_a_surface_that_is_not_its_own(place: tuple[Gateway, ScriptedUpstream]) -> None:
    gateway, upstream = place
    upstream.script(Answer(completion("good day", usage=USED)))
    answer = shout(gateway, MODEL, volume=11)
    assert answer.json() == {"shout": "GOOD DAY", "by": MODEL}
    assert answer.headers["x-router-dropped-params"] == "volume"
    assert upstream.requests[-1].path.endswith("/chat/completions")
    row = row_of(gateway, answer)
    assert (row["route"], row["prompt_tokens"], row["completion_tokens"]) == ("shout", 100, 20)


def test_a_stream_is_written_as_the_surface_has_it(place: tuple[Gateway, ScriptedUpstream]) -> None:
    gateway, upstream = place
    upstream.script(Stream(chunks("good ", "day", usage=USED, include_usage=True)))
    answer = shout(gateway, MODEL, stream=True)
    assert answer.body == b"+GOOD \n+DAY\nEND\n"
    assert upstream.requests[-1].json()["stream_options"] == {"include_usage": True}
    row = row_of(gateway, answer)
    assert (row["route"], row["streamed"], row["prompt_tokens"], row["completion_tokens"]) == ("shout", True, 100, 20)


def test_a_stream_that_is_cut_ends_as_the_surface_has_it(place: tuple[Gateway, ScriptedUpstream]) -> None:
    gateway, upstream = place
    upstream.script(Stream(chunks("good ", "day"), cut_after=2))
    answer = shout(gateway, MODEL, stream=True)
    assert answer.body.endswith(b"\nFAIL upstream_connection\n")
    assert row_of(gateway, answer)["ending"] == "cut"


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_a_provider_that_speaks_it_is_sent_the_clients_own_body(
    place: tuple[Gateway, ScriptedUpstream], *, stream: bool
) -> None:
    gateway, _ = place
    answer = shout(gateway, "crier/loud", volume=11, stream=stream)
    if stream:
        assert answer.body == b'native:{"part":1}\nnative:{"part":2,"used":[7,3]}\n'
    else:
        assert answer.json()["echo"] == {"model": "loud", "say": "hello", "volume": 11, "stream": False}
        assert answer.json()["surface"] == "shout"
    row = row_of(gateway, answer)
    assert (row["provider"], row["prompt_tokens"], row["completion_tokens"]) == ("crier", 7, 3)
    assert row["charge"] == "0.000013", "7 at 1 and 3 at 2 for a million"


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_a_fallback_goes_from_one_lane_to_the_other(place: tuple[Gateway, ScriptedUpstream], *, stream: bool) -> None:
    gateway, upstream = place
    told = chunks("saved", usage=USED, include_usage=True)
    upstream.script(Stream(told) if stream else Answer(completion("saved", usage=USED)))
    answer = shout(gateway, "crier/loud", "break", stream=stream)
    assert answer.body == (b"+SAVED\nEND\n" if stream else json.dumps(answer.json(), separators=(",", ":")).encode())
    assert stream or answer.json()["shout"] == "SAVED"
    row = row_of(gateway, answer)
    assert (row["provider"], row["prompt_tokens"], row["completion_tokens"]) == ("acme", 100, 20)


def test_errors_have_the_surfaces_shape_wherever_they_come_from(place: tuple[Gateway, ScriptedUpstream]) -> None:
    gateway, _ = place
    wrong = shout(gateway, MODEL, say=1)
    assert (wrong.status, wrong.json()["oops"]) == (418, "'say' must be a text.")
    assert wrong.json()["request"] == wrong.headers["x-request-id"]
    nobody = post(gateway, "/shout/v1", {}, key="sk-wrong")
    nowhere = post(gateway, "/shout/v2", {})
    assert nobody.status == nowhere.status == 418 and "oops" in nobody.json() and "oops" in nowhere.json()
    assert post(gateway, "/v1/chat/completions", {}).status == 400


def test_its_other_routes_are_for_keys_alone(place: tuple[Gateway, ScriptedUpstream]) -> None:
    gateway, _ = place
    assert get(gateway, "/shout/v1/loud").json() == {"word": "LOUD", "for": gateway.account}
    assert get(gateway, "/shout/v1/loud", key="sk-wrong").status == 418
    described = get(gateway, "/openapi.json").json()
    assert described["paths"]["/shout/v1"]["post"]["operationId"] == "shout"


def test_the_books_are_right(place: tuple[Gateway, ScriptedUpstream]) -> None:
    gateway, _ = place
    gateway.router("ledger", "verify")


SAME_PATH = SHOUT.replace('"/shout/v1",', '"/v1/chat/completions",')


def test_a_surface_whose_path_is_taken_is_left_out(tmp_path: Path, install: Callable[..., None]) -> None:
    install(tmp_path / "site", "acme-shout", "shout", SAME_PATH)
    with Gateway(tmp_path / "home", providers={"echo": {}}, env={"PYTHONPATH": str(tmp_path / "site")}) as gateway:
        said = next(line for line in gateway.log if "left out" in str(line))
        assert "'/v1/chat/completions' of the surface 'shout' is 'chat''s already" in str(said)
        assert get(gateway, "/healthz").status == 200
