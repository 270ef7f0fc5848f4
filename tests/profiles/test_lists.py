"""The lists of models, the health check and the estimator of each profile, field by field."""

from __future__ import annotations

import gzip
import json
from typing import Any

import openai
import pytest
from profile_shop import Shop

from router.money.prices import Price
from router.store.models import set_model_enabled
from router.testing.upstream.wires.ollama import EMBEDDING_MODELS
from router.types.offers import Listed, Offer
from router.types.records import ModelCard

NEXGATE_FIELDS = [
    "model_id",
    "display_name",
    "provider",
    "category",
    "context_window",
    "sell_input_per_million",
    "sell_output_per_million",
    "use_case_hint",
    "speed_badge",
]
PLAIN_FIELDS = ["id", "object", "created", "owned_by"]


def offered(items: list[dict[str, Any]], name: str = "id") -> list[dict[str, Any]]:
    """A list without the models that the shop has for other tests."""
    return [item for item in items if not item[name].endswith("/m")]


def by_id(shop: Shop) -> dict[str, dict[str, Any]]:
    listed = shop.get("/v1/models", shop.key()).json()
    assert list(listed) == ["object", "data"] and listed["object"] == "list"
    return {item["id"]: item for item in offered(listed["data"])}


def test_every_profile_lists_its_offers_for_sdks(shop: Shop) -> None:
    listed = by_id(shop)
    assert shop.profile.model in listed
    for item in listed.values():
        assert list(item)[:4] == PLAIN_FIELDS
        assert item["object"] == "model" and type(item["created"]) is int and item["owned_by"]
    assert shop.get("/v1/models").status == 401
    seen = {model.id for model in shop.gateway.client(shop.key().text).models.list()}
    assert set(listed) <= seen


def test_no_profile_serves_echo_or_an_unpriced_model(shop: Shop) -> None:
    listed = shop.get("/v1/models", shop.key()).json()["data"]
    assert not [item["id"] for item in listed if item["id"].startswith(("echo/", "unpriced/"))]
    assert shop.chat(shop.key(), model="echo/echo").status == 404


@pytest.mark.row("NG-3", "NG-4")
@pytest.mark.parametrize("path", ["/models", "/api/models"])
def test_nexgates_public_catalogue(nexgate: Shop, path: str) -> None:
    answer = nexgate.get(path)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "public, s-maxage=60, stale-while-revalidate=300"
    assert "x-nexgate-model-source" not in answer.headers
    models = offered(answer.json(), "model_id")
    assert len(models) == 22
    assert all(list(model) == NEXGATE_FIELDS for model in models)
    assert models[7] == {
        "model_id": "gpt-4.1-mini",
        "display_name": "GPT-4.1 Mini",
        "provider": "openai",
        "category": "standard",
        "context_window": 1047576,
        "sell_input_per_million": "0.4000",
        "sell_output_per_million": "1.6000",
        "use_case_hint": "Reliable workhorse",
        "speed_badge": "1M ctx",
    }


@pytest.mark.row("NG-3", "NG-13")
def test_nexgate_lists_enabled_models_alone(nexgate: Shop) -> None:
    def shown() -> bool:
        return "gpt-5.4-nano" in by_id(nexgate)

    assert shown()
    set_model_enabled(nexgate.database, "gpt-5.4-nano", False)
    try:
        nexgate.upstream.wait_for(lambda: not shown())
        nexgate.upstream.wait_for(lambda: b'"gpt-5.4-nano"' not in nexgate.get("/api/models").body)
        assert nexgate.chat(nexgate.key(), model="gpt-5.4-nano").status == 404
    finally:
        set_model_enabled(nexgate.database, "gpt-5.4-nano", True)


@pytest.mark.row("NG-1")
def test_nexgate_is_chat_alone_at_two_paths(nexgate: Shop) -> None:
    key = nexgate.key()
    body = {"model": "gpt-5.5", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 8}
    for path in ("/v1/chat/completions", "/api/v1/chat/completions"):
        assert nexgate.post(path, body, key).json()["model"] == "gpt-5.5"
        assert nexgate.post(path, body).status == 401
    embeddings = nexgate.post("/v1/embeddings", {"model": "gpt-5.5", "input": "Hi"}, key)
    assert (embeddings.status, embeddings.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.row("NG-6")
def test_nexgates_health_needs_no_key(nexgate: Shop) -> None:
    answer = nexgate.get("/api/health")
    assert (answer.status, answer.json()["status"]) == (200, "ok")


@pytest.mark.row("NG-7")
def test_nexgates_estimator(nexgate: Shop) -> None:
    counts = {"model": "gpt-5.5", "prompt_tokens": 1_000_000, "completion_tokens": 500_000}
    answer = nexgate.post("/api/estimator", counts)
    assert answer.status == 200
    told = answer.json()
    assert (told["input_cost"], told["output_cost"], told["total_cost"]) == ("5", "15", "20")
    assert told["currency"] == "USD"
    for wrong, status in (({**counts, "model": "nope"}, 404), ({**counts, "prompt_tokens": -1}, 400)):
        refused = nexgate.post("/api/estimator", wrong)
        assert (refused.status, list(refused.json())) == (status, ["error"])


def test_the_estimator_of_everybody_decompresses_nothing(nexgate: Shop) -> None:
    squeezed = gzip.compress(b'{"model":"gpt-4o","x":[' + b"0," * 100_000 + b"0]}")
    refused = nexgate.post("/api/estimator", squeezed, headers={"Content-Encoding": "gzip"})
    assert (refused.status, refused.headers["accept-encoding"]) == (415, "identity")


@pytest.mark.row("NX-3")
def test_nexorouter_lists_only_what_is_sellable(nexorouter: Shop) -> None:
    listed = by_id(nexorouter)
    assert {"deepseek-v4-flash", "gpt-4o-mini", "Qwen/Qwen-Plus"} <= set(listed)
    assert all(list(item) == PLAIN_FIELDS for item in listed.values())
    assert nexorouter.get("/v1/models/Qwen/Qwen-Plus", nexorouter.key()).json()["id"] == "Qwen/Qwen-Plus"
    answer = nexorouter.chat(nexorouter.key(), model="Qwen/Qwen-Plus")
    assert answer.json()["model"] == "Qwen/Qwen-Plus"
    assert json.loads(nexorouter.upstream.last.body)["model"] == "qwen-plus"


@pytest.mark.row("NE-5")
def test_neurongates_list_is_that_of_its_text(neurongate: Shop) -> None:
    listed = by_id(neurongate)
    assert listed["openai/gpt-4o"] == {
        "id": "openai/gpt-4o",
        "object": "model",
        "created": 1713000000,
        "owned_by": "openai",
        "pricing": {"prompt": "0.0025", "completion": "0.0100"},
        "context_length": 128000,
    }
    assert listed["anthropic/claude-sonnet-4"] == {
        "id": "anthropic/claude-sonnet-4",
        "object": "model",
        "created": 1713000000,
        "owned_by": "anthropic",
        "pricing": {"prompt": "0.0030", "completion": "0.0150"},
        "context_length": 200000,
    }
    one = neurongate.get("/v1/models/openai/gpt-4o", neurongate.key()).json()
    assert one == listed["openai/gpt-4o"]


@pytest.mark.row("NE-5")
def test_neurongates_prices_are_never_rounded(neurongate: Shop) -> None:
    pricing = by_id(neurongate)["openai/gpt-4o-mini"]["pricing"]
    assert pricing == {"prompt": "0.00015", "completion": "0.0006"}


@pytest.mark.row("NE-1", "NE-4")
@pytest.mark.parametrize("model", ["openai/gpt-4o", "anthropic/claude-sonnet-4", "meta-llama/llama-3-70b"])
def test_neurongates_answers_show_the_public_id(neurongate: Shop, model: str) -> None:
    assert neurongate.chat(neurongate.key(), model=model).json()["model"] == model
    *chunks, end = neurongate.chat(neurongate.key(), model=model, stream=True).events()
    assert {chunk["model"] for chunk in chunks} == {model} and end == "[DONE]"


@pytest.mark.row("NE-3")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", -0.1),
        ("temperature", 2.1),
        ("max_tokens", 0),
        ("max_tokens", "many"),
        ("top_p", 1.5),
        ("stop", [1]),
        ("stop", ["a", "b", "c", "d", "e"]),
        ("frequency_penalty", -2.5),
        ("presence_penalty", 2.5),
        ("stream", "yes"),
    ],
)
def test_neurongate_names_the_field_that_is_out_of_range(neurongate: Shop, name: str, value: object) -> None:
    answer = neurongate.chat(neurongate.key(), **{name: value})
    error = answer.json()["error"]
    assert (answer.status, error["type"], error["code"]) == (400, "bad_request", 400)
    assert f"'{name}'" in error["message"]


@pytest.mark.row("NE-2")
def test_neurongate_takes_the_key_in_either_header(neurongate: Shop) -> None:
    assert neurongate.chat(headers={"X-API-Key": neurongate.key().text}).status == 200


@pytest.mark.row("NE-6")
def test_neurongates_default_limit_is_sixty_calls_a_minute(neurongate: Shop) -> None:
    key = neurongate.key()
    first = neurongate.chat(key)
    assert first.headers["x-ratelimit-limit-requests"] == "60"
    assert [neurongate.chat(key).status for _ in range(59)] == [200] * 59
    refused = neurongate.chat(key)
    assert refused.status == 429 and int(refused.headers["retry-after"]) >= 1


@pytest.mark.row("AG-1", "AG-4")
def test_aigateways_list_shows_prices_in_the_balance_currency(aigateway: Shop) -> None:
    """By the preset's rate of 3.5: what costs 0.40 USD costs 1.40 manat."""
    listed = by_id(aigateway)
    assert set(listed) >= {"llama-3.1-70b", "nomic-embed-text", "mxbai-embed-large"}
    assert listed["llama-3.1-70b"] == {
        "id": "llama-3.1-70b",
        "object": "model",
        "created": 1721692800,
        "owned_by": "meta",
        "kind": "chat",
        "pricing": {"currency": "TMT", "per_tokens": 1_000_000, "input": "1.4000", "output": "1.4000"},
    }
    assert listed["nomic-embed-text"]["pricing"]["input"] == "0.0350"


@pytest.mark.row("AG-3")
@pytest.mark.parametrize("model", EMBEDDING_MODELS)
def test_aigateways_embeddings_are_billed_by_input_alone(aigateway: Shop, model: str) -> None:
    key = aigateway.key()
    made = aigateway.gateway.client(key.text).embeddings.create(model=model, input=["one two", "three"])
    assert [len(item.embedding) for item in made.data] == [EMBEDDING_MODELS[model]] * 2
    (row,) = aigateway.usage(key)
    rate = {"nomic-embed-text": 35, "mxbai-embed-large": 70}[model]  # nano-manat for a token
    assert (row["prompt_tokens"], row["completion_tokens"], row["charge_nano"]) == (3, 0, 3 * rate)


@pytest.mark.row("AG-6")
def test_aigateway_charges_when_the_response_is_complete(aigateway: Shop) -> None:
    """Two tokens in and two out at 1,400 nano-manat; while the call runs nothing is held."""
    key = aigateway.key("0.000000001")
    assert aigateway.chat(key).status == 200
    (row,) = aigateway.usage(key)
    assert (row["charge_nano"], row["shortfall_nano"]) == (1, 4 * 1_400 - 1)
    refused = aigateway.chat(key)
    assert (refused.status, refused.json()["error"]["message"]) == (
        402,
        "The account has no balance left: add credits.",
    )


def test_a_model_of_the_operators_own_fits_nexgates_catalogue(nexgate: Shop) -> None:
    own = [item for item in nexgate.get("/models").json() if item["model_id"] == "shaky0/m"]
    assert own == [
        {
            "model_id": "shaky0/m",
            "display_name": "shaky0/m",
            "provider": "shaky0",
            "category": "standard",
            "context_window": 0,
            "sell_input_per_million": "1.0000",
            "sell_output_per_million": "1.0000",
            "use_case_hint": "",
            "speed_badge": "",
        }
    ]


def test_what_a_list_shows_does_not_tell_who_serves() -> None:
    listed = Listed("a", ModelCard("b", owned_by="reseller", created=5, context_window=7), Price())
    assert (listed.owned_by, listed.created, listed.context_window) == ("reseller", 5, 7)
    known = Listed("a", listed.card, offer=Offer("a", ("reseller/b",), provider="maker", created=6, context_window=8))
    assert (known.owned_by, known.created, known.context_window) == ("maker", 6, 8)


def test_the_sdk_reads_every_list(shop: Shop) -> None:
    client = shop.gateway.client(shop.key().text)
    assert client.models.retrieve(shop.profile.model).id == shop.profile.model
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no-such-model")
