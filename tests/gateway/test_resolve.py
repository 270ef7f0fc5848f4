"""A model ID becomes a route, or a message that helps."""

from __future__ import annotations

import time
from typing import Any

import pytest
from machine import known_work_s

from router.catalogue import Catalogue, OperatorCatalogue, OverrideRow, ProviderModels
from router.config.provider import ProviderSettings
from router.errors import Forbidden, ModelNotFound, RouterError, Unavailable
from router.providers.configured import ConfiguredProvider
from router.providers.endpoints import Endpoints
from router.providers.resolve import ModelResolver
from router.types.records import Key, ModelCard


class Rows:
    """Rows that never change."""

    def __init__(self, stored: OperatorCatalogue) -> None:
        self.stored = stored

    def version(self) -> int:
        return 1

    def load(self) -> OperatorCatalogue:
        return self.stored


def provider(name: str, problem: str = "", models: tuple[str, ...] = ()) -> ConfiguredProvider:
    hooks: dict[str, Any] = {"models": lambda context: [ModelCard(model) for model in models]}
    return ConfiguredProvider(name, name, ProviderSettings(), hooks, None, Endpoints(name, ()), problem)  # type: ignore[arg-type]


def resolver(
    listings: dict[str, ProviderModels],
    stored: OperatorCatalogue | None = None,
    idle: tuple[ConfiguredProvider, ...] = (),
) -> ModelResolver:
    catalogue = Catalogue(listings, OperatorCatalogue(), Rows(stored or OperatorCatalogue()))
    providers = [*map(provider, listings), *idle]
    return ModelResolver(catalogue, {one.name: one for one in providers})


def cards(*models: str) -> ProviderModels:
    return ProviderModels([ModelCard(model) for model in models])


@pytest.fixture
def usual() -> ModelResolver:
    listings = {
        "openai": cards("gpt-4o", "gpt-4o-mini", "shared"),
        "deep": cards("Chat/V3:free", "shared"),
        "open": ProviderModels([], unlisted=True),
    }
    rows = (
        OverrideRow("best", "openai", "gpt-4o", "chat", True),
        OverrideRow("openai/gpt-4o-mini", None, None, "", False),
    )
    aliases = {"fast": "openai/gpt-4o", "faster": "fast", "a": "b", "b": "a", "bare": "Chat/V3:free", "far": "open/x/y"}
    idle = (provider("xai", "set the environment variable XAI_API_KEY", ("grok",)),)
    return resolver(listings, OperatorCatalogue(rows, aliases), idle)


@pytest.mark.row("ST-1")
@pytest.mark.parametrize(
    ("asked", "target", "model"),
    [
        ("openai/gpt-4o", "openai/gpt-4o", "gpt-4o"),
        ("deep/Chat/V3:free", "deep/Chat/V3:free", "Chat/V3:free"),
        ("Chat/V3:free", "deep/Chat/V3:free", "Chat/V3:free"),
        ("best", "best", "gpt-4o"),
        ("fast", "openai/gpt-4o", "gpt-4o"),
        ("faster", "openai/gpt-4o", "gpt-4o"),
        ("bare", "deep/Chat/V3:free", "Chat/V3:free"),
        ("far", "open/x/y", "x/y"),
        ("open/any/Thing", "open/any/Thing", "any/Thing"),
    ],
)
def test_what_an_id_means(usual: ModelResolver, asked: str, target: str, model: str) -> None:
    for _ in range(2):
        route = usual.route(asked)
        assert (route.model, route.targets[0].id, route.targets[0].model) == (asked, target, model)
        assert route.steps


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("openai/gpt-4p", "'openai/gpt-4o'"),
        ("gtp-4o", "'openai/gpt-4o'"),
        ("OpenAI/GPT-4o", "'openai/gpt-4o'"),
        ("deep/chat/v3:free", "'deep/Chat/V3:free'"),
        ("shared", "'openai/shared', 'deep/shared'"),
        ("openai/gpt-4o-mini", "disabled"),
        ("open/", "does not exist"),
        ("open", "does not exist"),
        ("/", "does not exist"),
        ("a", "does not exist"),
        ("qqqq", "GET /v1/models"),
        ("x" * 10_000, "GET /v1/models"),
    ],
)
def test_what_is_not_there(usual: ModelResolver, asked: str, words: str) -> None:
    with pytest.raises(ModelNotFound) as caught:
        usual.route(asked)
    assert words in caught.value.message
    assert caught.value.param == "model"
    assert len(caught.value.message) < 400


@pytest.mark.parametrize("asked", ["xai/grok", "grok", "xai/" + "z" * 9000, "xai/\r\n"])
def test_a_provider_that_is_not_set_up_says_what_to_set(usual: ModelResolver, asked: str) -> None:
    with pytest.raises(Unavailable) as caught:
        usual.route(asked)
    assert "XAI_API_KEY" in caught.value.detail and "XAI_API_KEY" not in caught.value.message
    assert caught.value.headers == {"x-should-retry": "false"}
    assert len(caught.value.message) < 400 and caught.value.message.isprintable()


def test_a_key_with_a_scope(usual: ModelResolver) -> None:
    key = Key("key_1", "acct_1", scope=("openai/gpt-4o", "deep/*"))
    for asked in ("openai/gpt-4o", "fast", "Chat/V3:free"):
        assert usual.route(asked, key).targets
    for asked in ("open/x", "far"):
        with pytest.raises(Forbidden):
            usual.route(asked, key)


def test_the_nearest_of_a_thousand_are_found_quickly() -> None:
    names = [f"gpt-{number}-{'abcdefgh'[number % 8]}-2024-{number:04d}-preview" for number in range(1000)]
    crowded = resolver({"openai": cards(*names)})
    for asked in (f"openai/{names[3]}x", f"{names[500]}-", "openai/" + "gpt-1-2024-preview" * 12, "q" * 9000):
        times = []
        for _ in range(3):
            started = time.process_time()
            with pytest.raises(RouterError) as caught:
                crowded.route(asked)
            times.append(time.process_time() - started)
        assert min(times) < 40 * known_work_s()
        if len(asked) < 60:
            assert asked.removeprefix("openai/")[:-1] in caught.value.message
