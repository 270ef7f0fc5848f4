"""Keys that may use some models alone, where the path names the model: Google's wire, and Azure's paths."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lanes_wire import SURFACES, Lanes, chat_answer

from router.testing import Answer, embeddings

ASK: list[Any] = [{"role": "user", "content": "Hi"}]
GOOGLE = {"contents": [{"parts": [{"text": "Hi"}]}]}
ONE_TEXT = {"content": {"parts": [{"text": "Hi"}]}}
BODIES: dict[str, Any] = {
    "chat/completions": {"messages": ASK},
    "responses": {"input": "Hi"},
    "messages": {"messages": ASK, "max_tokens": 50},
    "completions": {"prompt": "Hi"},
    "embeddings": {"input": "Hi"},
}
OF_GOOGLE: dict[str, Any] = {
    "generateContent": GOOGLE,
    "streamGenerateContent": GOOGLE,
    "streamGenerateContent?alt=sse": GOOGLE,
    "embedContent": ONE_TEXT,
    "batchEmbedContents": {"requests": [ONE_TEXT]},
}
PLACES = ("/v1beta/models", "/v1/models")
PREFIXES = ("/openai/deployments", "/v1/openai/deployments", "/openai/v1/engines")
WILD = pytest.mark.parametrize("scope", [["chat/m", "chat/vectors"], ["chat/*"]], ids=["names", "all of one"])


def model_for(what: str, provider: str) -> str:
    return f"{provider}/vectors" if "mbed" in what else f"{provider}/m"


def answered(lanes: Lanes, what: str) -> None:
    """Have the upstream answer once more."""
    stream = what.startswith("stream")
    lanes.upstream.script(Answer(embeddings(["Hi"])) if "mbed" in what else chat_answer("Yes.", stream=stream))


@WILD
@pytest.mark.parametrize("action", OF_GOOGLE)
def test_googles_paths_keep_to_the_scope(lanes: Lanes, scope: list[str], action: str) -> None:
    payer = lanes.payer(scope=scope)
    for place in PLACES:
        answered(lanes, action)
        name, _, query = action.partition("?")
        tail = f":{name}" + (f"?{query}" if query else "")
        good = lanes.post(payer, f"{place}/{model_for(action, 'chat')}{tail}", OF_GOOGLE[action])
        assert good.status == 200, good.body
        sent = len(lanes.upstream.requests)
        for named in (model_for(action, "other"), model_for(action, "other").replace("/", "%2F")):
            refused = lanes.post(payer, f"{place}/{named}{tail}", OF_GOOGLE[action])
            assert (refused.status, refused.json()["error"]["status"]) == (403, "PERMISSION_DENIED"), refused.body
        said = {**OF_GOOGLE[action], "model": f"models/{model_for(action, 'chat')}"}
        both = lanes.post(payer, f"{place}/{model_for(action, 'other')}{tail}", said)
        assert both.status in (400, 403)
        assert len(lanes.upstream.requests) == sent


def test_what_a_batch_names_inside_is_not_asked_for(lanes: Lanes) -> None:
    payer = lanes.payer(scope=["chat/vectors"])
    answered(lanes, "batchEmbedContents")
    body = {"requests": [{**ONE_TEXT, "model": "models/other/vectors"}]}
    answer = lanes.post(payer, "/v1beta/models/chat/vectors:batchEmbedContents", body)
    assert answer.status in (200, 400)
    assert all(request.json()["model"] == "vectors" for request in lanes.upstream.requests)
    assert {row["model"] for row in lanes.rows("SELECT model FROM usage WHERE account_id = ?", payer.account)} <= {
        "chat/vectors"
    }


@WILD
@pytest.mark.parametrize("what", BODIES)
@pytest.mark.parametrize("prefix", PREFIXES)
def test_azures_paths_keep_to_the_scope(lanes: Lanes, scope: list[str], what: str, prefix: str) -> None:
    payer, body = lanes.payer(scope=scope), BODIES[what]
    good, bad = model_for(what, "chat"), model_for(what, "other")
    answered(lanes, what)
    served = lanes.post(payer, f"{prefix}/{good}/{what}?api-version=1", body)
    assert served.status == 200, served.body
    sent = len(lanes.upstream.requests)
    for path, said in ((bad, body), (bad, {**body, "model": bad}), (bad.replace("/", "%2F"), body)):
        refused = lanes.post(payer, f"{prefix}/{path}/{what}?api-version=1", said)
        assert refused.status == 403 and bad in json.dumps(refused.json()), refused.body
    for path, said in ((good, {**body, "model": bad}), (bad, {**body, "model": good})):
        mixed = lanes.post(payer, f"{prefix}/{path}/{what}?api-version=1", said)
        assert mixed.status == 400 and "send one of them" in json.dumps(mixed.json()), mixed.body
    assert len(lanes.upstream.requests) == sent


@pytest.mark.parametrize("surface", SURFACES)
def test_a_fallback_out_of_scope_serves_in_no_lane(lanes: Lanes, surface: str) -> None:
    for lane in ("native", "chat"):
        model = lanes.first(surface, lane)
        payer = lanes.payer(scope=[model])
        lanes.upstream.reset()
        lanes.upstream.script(Answer.error(500))
        answer = lanes.ask(payer, surface, model)
        assert answer.status == 502 and len(lanes.upstream.requests) == 1, answer.body
        assert lanes.spent(payer) == 0


def test_lists_show_what_the_scope_has(lanes: Lanes) -> None:
    payer = lanes.payer(scope=["chat/*"])
    named = {one["name"] for one in lanes.get(payer, "/v1beta/models").json()["models"]}
    assert named == {"models/chat/m", "models/chat/vectors"}
    assert lanes.get(payer, "/v1beta/models/other/m").status == 404
