"""Provider sections: what is wrong with one is said with its place and the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.config.file import load_settings
from router.errors import ConfigError
from router.plugin_host.registry import Registry, load_plugins
from router.providers.configured import ConfiguredProvider, build_providers, listings


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_plugins()


def build(folder: Path, registry: Registry, text: str, **environ: str) -> dict[str, ConfiguredProvider]:
    config = folder / "router.toml"
    config.write_text(text)
    return build_providers(load_settings(config, environ), registry, lambda settings: object())  # type: ignore[arg-type, return-value]


MISTAKES = {
    '[providers.acme]\nbase_url = "http://a"': ["line 1", "'acme'", 'kind = "compatible"'],
    '[providers.opena]\napi_key = "x"': ["'opena'", "did you mean 'openai'?"],
    '[providers.acme]\nkind = "compatibel"': ["line 2", "did you mean 'compatible'?"],
    '[providers.acme]\nkind = "standard"': ["line 2", "'standard'"],
    '[providers.openai]\napi_kye = "x"': ["line 2", "api_kye", "did you mean 'api_key'?"],
    '[providers.openai]\nzzzzzz = "x"': ["zzzzzz", "base_url"],
    "[providers.openai]\napi_key = 5": ["line 2", '"env:NAME"'],
    '[providers.openai]\nbase_url = "localhost:9"': ["line 2", "base_url", "https://host/v1"],
    '[providers.openai]\nbase_url = "ftp://a/v1"': ["line 2", "ftp://a/v1"],
    '[providers.openai]\nbase_url = "http://"': ["line 2"],
    '[providers.openai]\nbase_url = "http://a:99999/"': ["line 2"],
    '[providers.openai]\nbase_url = "http://[::1/"': ["line 2"],
    '[providers.openai]\nbase_url = "http://a/v1?key=hunter2"': ["query"],
    '[providers.openai]\nbase_url = "http://u:hunter2@a/v1"': ["password"],
    '[providers.openai]\ntransport = "curl"': ["line 2", "native", "requests"],
    '[providers.openai]\non_disconnect = "keep"': ["drain", "cancel"],
    "[providers.openai]\nmax_connections = 0": ["line 2", "from 1 to"],
    "[providers.openai]\ntimeouts = { conect = 1 }": ["conect", "did you mean 'connect'?"],
    "[providers.openai]\ntimeouts = { connect = -1 }": ["not negative"],
    "[providers.openai]\ntimeouts = 5": ["line 2"],
    '[providers.openai]\nmodels = "gpt"': ["line 2", "list"],
    "[providers.openai]\nheaders = { a = 1 }": ["headers", "text"],
    '[providers.openai]\nbase_url = "http://a /v1"': ["line 2", "blank"],
    '[providers.openai]\nbase_url = "http://a/v1\\ufeff"': ["line 2", "does not show"],
    '[providers.openai]\napi_key = "hunter2 x"': ["line 2", "character 8"],
    '[providers.openai]\napi_key = "env:BAD"': ["line 2", "environment variable BAD", "character 8"],
    '[[providers.openai.endpoints]]\napi_key = "hunter2\\nx"': ["number 1", "character 8"],
    '[providers.openai]\nheaders = { a = "hunter2\\nx" }': ["line 2", "'a'", "line break"],
    "[providers.openai]\nheaders = { 'a b' = \"x\" }": ["line 2", "'a b'"],
    "[providers]\nopenai = 5": ["[providers.openai]"],
}


@pytest.mark.parametrize("text", MISTAKES, ids=lambda text: text.split("\n")[1][:30])
def test_mistakes_are_named_with_their_place(tmp_path: Path, registry: Registry, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(tmp_path, registry, text, BAD="hunter2\nx")
    for words in MISTAKES[text]:
        assert words in caught.value.message, caught.value.message
    assert "hunter2" not in caught.value.message


def test_an_installed_provider_needs_no_section(tmp_path: Path, registry: Registry) -> None:
    providers = build(tmp_path, registry, "", OPENAI_API_KEY="sk-x")
    assert providers["openai"].active and providers["echo"].active
    assert providers["openai"].settings.api_key.reveal() == "sk-x"
    idle = build(tmp_path, registry, "")["openai"]
    assert "OPENAI_API_KEY" in idle.problem
    assert "openai" not in listings({"openai": idle})


@pytest.mark.parametrize("around", ["{}\n", "{}\r\n", "\ufeff{}", " {}\t"])
def test_what_a_file_adds_around_a_key_is_no_part_of_it(tmp_path: Path, registry: Registry, around: str) -> None:
    text = '[providers.one]\nkind = "compatible"\napi_key = "env:ONE"\nmodels = ["m"]'
    url = around.format("http://a/v1")
    provider = build(tmp_path, registry, text, ONE=around.format("sk-1"), ROUTER__PROVIDERS__ONE__BASE_URL=url)["one"]
    assert (provider.settings.api_key.reveal(), provider.settings.base_url) == ("sk-1", "http://a/v1")


def test_a_key_in_plain_text_serves_and_does_not_show(tmp_path: Path, registry: Registry) -> None:
    provider = build(tmp_path, registry, '[providers.openai]\napi_key = "sk-plain"')["openai"]
    assert provider.active
    assert provider.settings.api_key.reveal() == "sk-plain"
    assert "sk-plain" not in repr(provider) + repr(provider.settings) + f"{provider.settings.api_key}"


def test_two_sections_of_one_kind(tmp_path: Path, registry: Registry) -> None:
    text = (
        '[providers.one]\nkind = "openai"\napi_key = "env:ONE"\n[providers.two]\nkind = "openai"\napi_key = "env:TWO"'
    )
    providers = build(tmp_path, registry, text, ONE="sk-1")
    assert providers["one"].active
    assert providers["two"].problem == "set the environment variable TWO"
    assert providers["one"].cards() == providers["two"].cards() != []


def test_what_is_on_no_list_passes_only_where_there_is_no_list(tmp_path: Path, registry: Registry) -> None:
    base = 'kind = "compatible"\nbase_url = "http://127.0.0.1:9/v1"\n'
    listed = f'{base}models = ["m"]\n'
    text = f"[providers.bare]\n{base}[providers.listed]\n{listed}[providers.both]\n{listed}unlisted = true"
    found = listings(build(tmp_path, registry, text, OPENAI_API_KEY="x"))
    assert {name: found[name].unlisted for name in ("bare", "listed", "both", "openai")} == {
        "bare": True,
        "listed": False,
        "both": True,
        "openai": False,
    }


def test_a_compatible_section_without_an_address_says_so(tmp_path: Path, registry: Registry) -> None:
    provider = build(tmp_path, registry, '[providers.acme]\nkind = "compatible"')["acme"]
    assert "base_url" in provider.problem


def test_the_section_of_a_plugin_that_is_switched_off_may_stay(tmp_path: Path) -> None:
    registry = load_plugins(disabled=["openai"])
    assert "openai" not in build(tmp_path, registry, '[providers.openai]\nanything = "x"')
