"""What is left of a configuration when the providers' secrets are taken out of it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from router import ProviderSettings, Secret, hookimpl
from router.app.keyless import keyless, keyless_environ, keyless_text
from router.config.file import Settings, load_settings
from router.plugin_host.registry import Registry, registry_of
from router.types.records import Migration

pytestmark = pytest.mark.slow

KEY = "sk-0123456789abcdef"


@dataclass(frozen=True)
class CloudSettings(ProviderSettings):
    """Of a provider with more secrets than a key."""

    region: str = "eu"
    account_secret: Secret = field(default=Secret("", "env:CLOUD_SECRET"))


class Cloud:
    """A provider's plugin."""

    @hookimpl
    def settings(self) -> type:
        """Its own type."""
        return CloudSettings

    @hookimpl
    def chat(self, call: Any, context: Any) -> Any:
        """Never called."""
        raise AssertionError

    @hookimpl
    def storage_migrations(self) -> list[Migration]:
        """None."""
        return []


def registry() -> Registry:
    return registry_of(cloud=Cloud())


def settings_of(text: str, environ: Mapping[str, str] | None = None) -> Settings:
    return load_settings(Path("router.toml"), environ or {}, content=text.encode("utf-8"))


def text_of(text: str) -> str:
    return keyless_text(settings_of(text), registry()).decode("utf-8")


def test_a_text_without_secrets_is_left_as_it_is() -> None:
    text = '# mine\n[providers.cloud]\napi_key = "env:CLOUD_KEY"  # there\nregion = "us"\n\n[mail]\nport = 25\n'
    assert text_of(text) == text


def test_secrets_go_and_lines_and_comments_stay() -> None:
    text = (
        f'# a comment\n[gateway]\nprofile = "standard"\n\n[providers.cloud]\nregion = "us"\n'
        f'api_key = "{KEY}"   # the new one\n#api_key = "{KEY}"\naccount_secret = "hush-hush-hush"\n'
        f'headers = {{ Authorization = "Bearer {KEY}" }}\n\n[mail]\npassword = "of the mail server"\n'
    )
    found = text_of(text)
    assert KEY not in found and "hush-hush-hush" not in found
    assert len(found.splitlines()) == len(text.splitlines())
    assert "# a comment" in found and "# the new one" in found
    data = tomllib.loads(found)
    assert data["providers"]["cloud"] == {
        "region": "us",
        "api_key": "",
        "account_secret": "",
        "headers": {"Authorization": ""},
    }
    assert data["mail"]["password"] == "of the mail server"


@pytest.mark.parametrize(
    "layout",
    [
        f'providers.cloud.api_key = "{KEY}"',
        f'providers = {{ cloud = {{ api_key = "{KEY}", endpoints = [{{ api_key = "{KEY}" }}] }} }}',
        f'[providers]\ncloud.api_key = "{KEY}"',
        f'[providers.cloud]\nendpoints = [\n  {{ api_key = "{KEY}", weight = 2 }},\n]',
        f'[[providers.cloud.endpoints]]\napi_key = "{KEY}"\n[mail]\n[[providers.cloud.endpoints]]\napi_key = "{KEY}"',
        f'[providers."cloud"]\n"api_key" = """{KEY}"""',
        f"[providers.cloud]\napi_key = '{KEY}'",
        '[providers.cloud]\napi_key = "sk\\u002d0123456789abcdef"',
        f'[providers.cloud]\nunheard_of = "{KEY}"\nalso = {{ deep = ["{KEY}", 3] }}',
        f'[providers.other]\nkind = "nosuch"\nits_own = "{KEY}"',
        f'[providers.cloud.headers]\nx = "{KEY}"\n[providers.cloud.timeouts]\nconnect = 2.0',
    ],
)
def test_whatever_the_layout(layout: str) -> None:
    found = text_of(f"{layout}\n")
    assert KEY not in found and "u002d" not in found
    assert KEY not in str(tomllib.loads(found))


def test_short_secrets_go_without_harm_to_the_rest() -> None:
    found = tomllib.loads(text_of('[providers.cloud]\napi_key = "us"\nregion = "us"\n[gateway]\ncurrency = "USD"\n'))
    assert found["providers"]["cloud"] == {"api_key": "", "region": "us"} and found["gateway"]["currency"] == "USD"


def test_the_environment_is_what_the_sections_of_the_portal_name() -> None:
    text = (
        '[database]\nurl = "env:MY_DATABASE|DATABASE_URL"\n[mail]\npassword = "env:MAIL_PW"\n'
        '[providers.cloud]\napi_key = "env:CLOUD_KEY"\n'
    )
    environ = {
        "MY_DATABASE": "sqlite:///a.db",
        "DATABASE_URL": "sqlite:///b.db",
        "MAIL_PW": "m",
        "CLOUD_KEY": KEY,
        "CLOUD_SECRET": KEY,
        "OPENAI_API_KEY": KEY,
        "PATH": "/bin",
        "LC_ALL": "C.UTF-8",
        "PGPASSWORD": "p",
        "PGP_KEY": KEY,
        "PYTHONPATH": "/x",
        "ROUTER_MASTER_KEY": "master",
        "ROUTER_API_KEY": KEY,
        "ROUTER__PORTAL__NAME": "mine",
        "ROUTER__MAIL__USER": "env:MAIL_USER",
        "MAIL_USER": "u",
    }
    kept = keyless_environ(settings_of(text, environ), registry())
    left_out = set(environ) - set(kept)
    assert left_out == {"CLOUD_KEY", "CLOUD_SECRET", "OPENAI_API_KEY", "PGP_KEY", "ROUTER_API_KEY"}
    assert {name: environ[name] for name in kept} == kept


def test_overrides_of_providers_lose_their_secrets_alone() -> None:
    environ = {
        "ROUTER__PROVIDERS__CLOUD__REGION": "us",
        "ROUTER__PROVIDERS__CLOUD__API_KEY": KEY,
        "ROUTER__PROVIDERS__CLOUD__ACCOUNT_SECRET": KEY,
        "ROUTER__PROVIDERS__CLOUD__HEADERS__X": KEY,
        "ROUTER__PROVIDERS__CLOUD__MODELS": "a,b",
        "ROUTER__PROVIDERS__CLOUD__TIMEOUTS__CONNECT": "2",
        "ROUTER__PROVIDERS__OTHER__KIND": "cloud",
        "ROUTER__PROVIDERS__OTHER__API_KEY": "env:OTHER_KEY",
    }
    kept = keyless_environ(settings_of("", environ), registry())
    blank = {f"ROUTER__PROVIDERS__CLOUD__{name}": "" for name in ("API_KEY", "ACCOUNT_SECRET", "HEADERS__X")}
    assert kept == environ | blank
    made = keyless(settings_of("", environ), registry())
    assert KEY not in str(made.providers) + str(made.environ) + made.text
    assert made.providers["other"] == {"kind": "cloud", "api_key": "env:OTHER_KEY"}
