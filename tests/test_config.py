"""``router.toml`` and the environment: what they give, and how every mistake is named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from router import ProviderSettings
from router.config.file import Settings, load_settings
from router.errors import ConfigError


def load(folder: Path, text: str = "", **environ: str) -> Settings:
    file = folder / "router.toml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file, environ)


def refusal(folder: Path, text: str = "", **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(folder, text, **environ)
    return str(caught.value)


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8080)
    assert settings.database.url.reveal() == "sqlite:///router.db"
    assert settings.gateway.profile == "standard"


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "router.toml"
    path.write_bytes(b"\xef\xbb\xbf[server]\r\nport = 9000\r\n")
    assert load_settings(path, {}).server.port == 9000


def test_a_whole_file(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        """
        [server]
        port = 9000
        grace_s = 5
        [gateway]
        streaming = false
        [plugins]
        disabled = ["echo"]
        [plugins.watcher]
        url = "x"
        [providers.acme]
        kind = "compatible"
        [aliases]
        "fast" = "acme/large"
        """,
    )
    assert (settings.server.port, settings.server.grace_s, settings.gateway.streaming) == (9000, 5.0, False)
    assert settings.plugins.disabled == ("echo",)
    assert settings.plugin_sections == {"watcher": {"url": "x"}}
    assert settings.providers == {"acme": {"kind": "compatible"}}
    assert settings.aliases == {"fast": "acme/large"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[server]\nprot = 1", "line 2: [server] prot: unknown key; did you mean 'port'?"),
        ("[server]\nzzz = 1", "line 2: [server] zzz: unknown key; the keys here are node, host, port"),
        ("[sever]\nport = 1", "line 1: [sever]: unknown section; did you mean [server]?"),
        ("[zzz]", "unknown section; the sections are aliases"),
        ("server = 1", "line 1: [server]: must be a table, not 1"),
        ("[server]\nport = '8080'", "line 2: [server] port: must be a whole number, not '8080'"),
        ("[server]\nport = 65536", "[server] port: must be from 0 to 65535, not 65536"),
        ("[server]\nport = true", "must be a whole number, not True"),
        ("[server]\nport = 80.5", "must be a whole number, not 80.5"),
        ("[server]\ngrace_s = -1", "must be a number, not negative"),
        ("[server]\ngrace_s = nan", "must be a number, not negative"),
        ("[server]\ngrace_s = inf", "must be a number, not negative"),
        (f"[server]\ngrace_s = {10**400}", "must be a number, not negative"),
        ("[server]\ngrace_s = 1e300", "must be from 0 to 31622400, not 1e+300"),
        ("[gateway]\nmax_call_s = 31622401", "must be from 0 to 31622400, not 31622401"),
        ("[billing]\nmarkup = 1.2", 'must be text, not 1.2: put it in quotes, "1.2"'),
        ("[server]\nhost = 1", "must be text, not 1"),
        ("[gateway]\nstreaming = 'yes'", "line 2: [gateway] streaming: must be true or false, not 'yes'"),
        ("[plugins]\ndisabled = 'echo'", "line 2: [plugins] disabled: must be a list, not 'echo'"),
        ("[plugins]\ndisabled = [1]", "must be text, not 1"),
        ("[providers]\nopenai = 'sk-abc'", "line 2: [providers] openai: must be a table: write [providers.openai]"),
        ("[aliases]\nfast = 3", "[aliases] fast: must be a model ID such as"),
        ("[aliases]\nfast = ''", "must be a model ID such as"),
        ("[server", "is not valid TOML"),
        ("a = 1\na = 2", "is not valid TOML"),
        ("[server]\n[server]\n", "[server] is there twice (at line 2, column 8): put both into one section"),
        ("[providers.x]\n[providers.x]\n", "[providers.x] is there twice (at line 2, column 13)"),
        (
            '[server]\ntrusted_proxies = ["10.0.0.1", "10.0.0.1/8"]',
            "line 2: [server] trusted_proxies: '10.0.0.1/8' is an",
        ),
        ('[server]\ntrusted_proxies = "10.0.0.1"', "[server] trusted_proxies: must be a list, not '10.0.0.1'"),
        ('[server]\ncors_origins = ["https://a.example/"]', "cors_origins: 'https://a.example/' is no origin of a web"),
        ('[server]\ncors_origins = ["https://a.example/"]', "write 'https://a.example'"),
        ('[server]\ncors_origins = ["a.example"]', "such as 'https://chat.example.com', or '*' for every page"),
        ('[server]\ncors_origins = ["https://a.example:443"]', "write 'https://a.example'"),
        ('[server]\ncors_origins = ["null"]', "'null' is the origin of any page that hides its own"),
        ('[server]\ncors_origins = ["*", "https://a.example"]', "'*' is every origin"),
        ('[server]\ncors_origins = ["*"]\ncors_credentials = true', "name the origins, or take cors_credentials out"),
        ("a = " + "[" * 5000, "is not valid TOML"),
        ("a = " + "1" * 5000, "is not valid TOML"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    message = refusal(tmp_path, text)
    assert said in message
    assert str(tmp_path / "router.toml") in message


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="run `router init`, or give --config FILE"):
        load_settings(tmp_path / "router.toml", {})


def test_a_folder_or_bytes_in_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path, {})
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path / "bytes.toml", {})


# The environment.


def test_the_environment_wins_and_is_converted(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        "[server]\nport = 1\n[gateway]\nstreaming = true",
        ROUTER__SERVER__PORT="9000",
        ROUTER__SERVER__GRACE_S="1.5",
        ROUTER__GATEWAY__STREAMING="false",
        ROUTER__PLUGINS__DISABLED="echo, openai",
        ROUTER__DATABASE__URL="sqlite:///other.db",
        ROUTER__PROVIDERS__ACME__KIND="compatible",
        UNRELATED="1",
    )
    assert (settings.server.port, settings.server.grace_s, settings.gateway.streaming) == (9000, 1.5, False)
    assert settings.plugins.disabled == ("echo", "openai")
    assert settings.database.url.reveal() == "sqlite:///other.db"
    assert settings.providers == {"acme": {"kind": "compatible"}}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ROUTER__SERVER__PORT", "many", "ROUTER__SERVER__PORT: must be a whole number, not 'many'"),
        ("ROUTER__SERVER__PORT", "", "must be a whole number, not ''"),
        (
            "ROUTER__SERVER__TRUSTED_PROXIES",
            "::1, lb",
            "ROUTER__SERVER__TRUSTED_PROXIES: 'lb' is neither an IP address",
        ),
        ("ROUTER__METRICS__LISTEN", "9464", "ROUTER__METRICS__LISTEN: listen must be HOST:PORT"),
        ("ROUTER__SERVER__PROT", "1", "ROUTER__SERVER__PROT: unknown key; did you mean 'port'?"),
        ("ROUTER__SEVER__PORT", "1", "ROUTER__SEVER__PORT: unknown section; did you mean [server]?"),
        ("ROUTER__GATEWAY__STREAMING", "maybe", "must be true or false, not 'maybe'"),
        ("ROUTER__PORT", "1", "ROUTER__PORT: write ROUTER__SECTION__KEY"),
        ("ROUTER__SERVER__", "1", "write ROUTER__SECTION__KEY"),
        ("ROUTER__SERVER__PORT__X", "1", "ROUTER__SERVER__PORT__X: 'port' is a value, not a section"),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(tmp_path: Path, name: str, value: str, said: str) -> None:
    message = refusal(tmp_path, "[server]\nport = 1", **{name: value})
    assert said in message
    assert message.startswith("environment variable ")


# Secrets.


def test_a_secret_comes_from_the_variable_that_it_names(tmp_path: Path) -> None:
    settings = load(tmp_path, "[database]\nurl = 'env:DATABASE_URL'", DATABASE_URL="postgresql://u:pw@h/d")
    assert settings.database.url.reveal() == "postgresql://u:pw@h/d"
    assert settings.database.url.source == "env:DATABASE_URL"
    assert "pw" not in repr(settings) and "pw" not in str(settings.database)


def test_a_secret_whose_variable_is_not_set_is_empty_and_says_so(tmp_path: Path) -> None:
    settings = load(tmp_path)
    record: ProviderSettings = settings.record(ProviderSettings, "providers.acme", {"api_key": "env:ACME_KEY"})
    assert not record.api_key
    assert record.missing() == "set the environment variable ACME_KEY"


@pytest.mark.parametrize("value", [12345, ["k"], {"a": 1}, True])
def test_a_secret_of_a_wrong_type_is_not_shown(tmp_path: Path, value: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path).record(ProviderSettings, "providers.acme", {"api_key": value})
    assert 'must be text: "env:NAME", or the secret itself' in str(caught.value)
    assert str(value) not in str(caught.value)


# One provider's section, and another's.


@dataclass(frozen=True)
class AcmeSettings(ProviderSettings):
    region: str = "eu"


def test_two_sections_of_one_kind_have_settings_of_their_own(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        """
        [providers.blue]
        kind = "acme"
        api_key = "env:BLUE"
        region = "us"
        [providers.green]
        kind = "acme"
        api_key = "env:GREEN"
        """,
        BLUE="key-blue",
        GREEN="key-green",
    )
    blue, green = (settings.record(AcmeSettings, f"providers.{n}", settings.providers[n]) for n in ("blue", "green"))
    assert (blue.region, blue.api_key.reveal()) == ("us", "key-blue")
    assert (green.region, green.api_key.reveal()) == ("eu", "key-green")


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("[providers.acme]\nregoin = 'x'", "line 2: [providers.acme] regoin: unknown key; did you mean 'region'?"),
        ("[providers.acme]\ntransport = 'native2'", "transport: must be one of native, requests, not 'native2'"),
        (
            "[providers.acme]\ntimeouts = { conect = 5 }",
            "line 2: [providers.acme.timeouts] conect: unknown key; did you mean 'connect'?",
        ),
        ("[providers.acme.timeouts]\nconnect = 1e300", "connect: must be from 0 to 31622400, not 1e+300"),
        ("[providers.acme.timeouts]\nidle = 'long'", "line 2: [providers.acme.timeouts] idle: must be a number"),
        ("[providers.acme]\nheaders = 'x'", "line 2: [providers.acme] headers: must be a table"),
        ("[providers.acme]\ntimeouts = 5", "timeouts: must be a table"),
        ("[providers.acme]\nmodels = 'large'", "models: must be a list, not 'large'"),
        ("[providers.acme]\nmax_connections = 0", "max_connections: must be from 1 to 60000, not 0"),
    ],
)
def test_a_mistake_in_a_plugins_section(tmp_path: Path, section: str, said: str) -> None:
    settings = load(tmp_path, section)
    with pytest.raises(ConfigError) as caught:
        settings.record(AcmeSettings, "providers.acme", settings.providers["acme"])
    assert said in str(caught.value)


def test_a_variable_of_a_section_is_named(tmp_path: Path) -> None:
    settings = load(tmp_path, ROUTER__PROVIDERS__ACME__TIMEOUTS__CONNECT="soon")
    with pytest.raises(ConfigError, match="environment variable ROUTER__PROVIDERS__ACME__TIMEOUTS__CONNECT: must be a"):
        settings.record(AcmeSettings, "providers.acme", settings.providers["acme"])
