"""``router models sync``: a provider's own list in the catalogue, through its plugin and a scripted upstream."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from router.testing import Answer, ScriptedUpstream, models
from router.testing.upstream.wires.ollama import serve_ollama

pytestmark = pytest.mark.slow


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(models=("large", "small"), api_key="sk-acme") as running:
        serve_ollama(running)
        yield running


@pytest.fixture
def synced(router, upstream: ScriptedUpstream):
    """A configuration with a provider on OpenAI's wire and an Ollama."""
    acme = f'[providers.acme]\nkind = "compatible"\nbase_url = "{upstream.url}"\napi_key = "sk-acme"\n'
    ollama = f'[providers.ollama]\nbase_url = "{upstream.url.removesuffix("/v1")}"\n'
    router.write(acme + ollama)
    return router


def test_what_ollama_has_installed(synced) -> None:
    [result] = synced.json("models", "sync", "ollama")
    ids = ["ollama/qwen3:8b", "ollama/nomic-embed-text", "ollama/mxbai-embed-large"]
    assert {**result, "unpriced": None} == {
        "provider": "ollama",
        "added": ids,
        "known": 0,
        "gone": [],
        "unpriced": None,
        "error": None,
    }
    assert {one["id"] for one in result["unpriced"]} == set(ids)
    rows = {row["id"]: row for row in synced.json("models", "list", "--provider", "ollama")}
    assert {model_id: (row["kind"], row["enabled"]) for model_id, row in rows.items()} == {
        "ollama/qwen3:8b": ("chat", True),
        "ollama/nomic-embed-text": ("embeddings", True),
        "ollama/mxbai-embed-large": ("embeddings", True),
    }


def test_known_models_stay_as_they_are_and_none_is_removed(synced, upstream: ScriptedUpstream) -> None:
    synced.json("models", "add", "house/large", "--provider", "acme", "--model", "large")
    [first] = synced.json("models", "sync", "acme")
    assert (first["added"], first["known"], first["gone"]) == (["acme/small"], 1, [])
    synced.json("models", "disable", "acme/small")
    upstream.on("/v1/models", Answer(models("small", "tiny")))
    [second] = synced.json("models", "sync", "acme")
    assert (second["added"], second["known"], second["gone"]) == (["acme/tiny"], 1, ["house/large"])
    rows = {row["id"]: row["enabled"] for row in synced.json("models", "list", "--provider", "acme")}
    assert rows == {"house/large": True, "acme/small": False, "acme/tiny": True}


def test_all_providers_and_one_that_does_not_answer(synced, upstream: ScriptedUpstream) -> None:
    upstream.on("/v1/models", Answer.error(500, "no list today"))
    run = synced("models", "sync", "--json")
    found = {result["provider"]: result for result in run.value}
    assert run.status == 1
    assert (found["acme"]["added"], found["acme"]["error"]) == ([], "acme answered 500: server_error: no list today")
    assert len(found["ollama"]["added"]) == 3


def test_an_id_that_means_something_else_stays(synced) -> None:
    synced.json("models", "alias", "acme/large", "echo/echo")
    [result] = synced.json("models", "sync", "acme")
    assert (result["added"], result["known"]) == (["acme/small"], 1)
    assert synced.json("routes", "explain", "acme/large")["targets"][0]["provider"] == "echo"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("echo", "has no list to ask for: `router models add`"),
        ("openai", "is not set up: set the environment variable OPENAI_API_KEY"),
        ("olama", "did you mean 'ollama'?"),
    ],
)
def test_what_cannot_be_synced(synced, name: str, said: str) -> None:
    assert said in synced.refused("models", "sync", name)


@pytest.mark.parametrize("body", [b"<html>", b'{"data": 1}', b'{"data": [1, {"id": 2}, {"object": "model"}]}'])
def test_a_list_that_is_none_adds_nothing(synced, upstream: ScriptedUpstream, body: bytes) -> None:
    upstream.on("/v1/models", Answer(body))
    [result] = synced("models", "sync", "acme", "--json").value
    assert result["added"] == []
    assert ("did not answer /models with JSON" in (result["error"] or "")) is (body == b"<html>")


def test_a_model_that_went_while_its_list_was_read(synced, upstream: ScriptedUpstream) -> None:
    upstream.script(Answer({"error": "model 'qwen3:8b' not found"}, status=404), path="/api/show")
    [result] = synced.json("models", "sync", "ollama")
    assert result["added"] == ["ollama/nomic-embed-text", "ollama/mxbai-embed-large"]
