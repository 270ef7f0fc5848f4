"""What each provider plugin declares: its key, its models, its hooks."""

from __future__ import annotations

from pathlib import Path

import pytest

from router import CallContext, ProviderSettings
from router.config.file import Settings
from router.plugin_host.registry import Registry, load_plugins

KEYS = {
    "anthropic": "ANTHROPIC_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
    "gemini": "GEMINI_API_KEY",
    "meta": "META_API_KEY",
    "mistral": "MISTRAL_API_KEY",
    "moonshot": "MOONSHOT_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "qwen": "DASHSCOPE_API_KEY",
    "xai": "XAI_API_KEY",
}
EMBEDS = {"gemini", "mistral", "openrouter", "qwen"}
OWNERS = {"gemini": "google", "mistral": "mistralai"}
HOOKS = {"settings", "chat", "models", "fallback"}  # at least


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_plugins(strict=True)


def section(registry: Registry, name: str, environ: dict[str, str]) -> ProviderSettings:
    kind = registry.plugins[name].hooks["settings"]()
    made = Settings(path=Path("router.toml"), environ=environ).record(kind, f"providers.{name}", {})
    assert isinstance(made, ProviderSettings)
    return made


@pytest.mark.parametrize("name", KEYS)
def test_a_key_in_the_environment_is_all_it_takes(registry: Registry, name: str) -> None:
    made = section(registry, name, {KEYS[name]: "sk-secret"})
    assert (made.api_key.reveal(), made.missing()) == ("sk-secret", None)
    missing = section(registry, name, {}).missing()
    assert missing is not None
    assert KEYS[name] in missing


@pytest.mark.parametrize("name", KEYS)
def test_hooks(registry: Registry, name: str) -> None:
    assert set(registry.plugins[name].hooks) >= HOOKS
    assert ("embeddings" in registry.plugins[name].hooks) is (name in EMBEDS)
    assert set(registry.plugins["openai"].hooks) >= HOOKS | {"embeddings"}


@pytest.mark.parametrize("name", sorted(KEYS.keys() - {"openrouter"}))
def test_cards_make_sense(registry: Registry, name: str) -> None:
    context = CallContext(name, "", section(registry, name, {}), None)  # type: ignore[arg-type]
    cards = list(registry.plugins[name].hooks["models"](context=context))
    assert len({card.model for card in cards}) == len(cards) >= 4
    for card in cards:
        assert card.owned_by == OWNERS.get(name, name)
        assert (card.max_output or 0) <= (card.context_window or 0)
        price = card.price
        if price is not None:
            assert price.input and (price.output or card.kind == "embeddings"), card.model
            assert 0 < (price.cached_input or price.input) <= price.input <= (price.output or price.input)
