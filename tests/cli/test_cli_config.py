"""``router config``: what is in force, what is wrong, and changes that keep comments."""

from __future__ import annotations

import functools
import stat
import tomllib

import pytest

from router.cli.support.config_edit import parse_key

pytestmark = pytest.mark.slow


def shown(router, **options) -> dict[str, dict[str, object]]:
    return {row["key"]: row for row in router.json("config", "show", **options)}


def test_show_says_where_each_value_comes_from(router) -> None:
    router("config", "set", "server.port", "9000")
    rows = shown(router, env={"ROUTER__SERVER__GRACE_S": "5"})
    assert rows["server.host"] == {"key": "server.host", "value": "127.0.0.1", "source": "default"}
    assert rows["server.port"]["value"] == 9000
    assert rows["server.port"]["source"].startswith(f"{router.config}, line ")
    assert rows["server.grace_s"]["value"] == 5.0
    assert rows["server.grace_s"]["source"] == "environment variable ROUTER__SERVER__GRACE_S"


def test_show_and_doctor_show_no_secret(router) -> None:
    router.write(
        '[providers.openai]\napi_key = "sk-plain"\nheaders = { X-Token = "tok-plain" }\n'
        '[providers.acme]\nkind = "compatible"\nbase_url = "http://127.0.0.1:9/v1"\napi_key = "env:ACME_KEY"\n'
    )
    router.config.chmod(0o644)
    env = {"ACME_KEY": "sk-environment", "ROUTER__DATABASE__URL": "postgresql://u:pass-word@127.0.0.1:1/x"}
    for args in (["config", "show"], ["doctor"], ["providers", "list"], ["config", "check"], ["db", "status"]):
        for run in (router(*args, env=env), router(*args, "--json", env=env)):
            for secret in ("sk-plain", "tok-plain", "sk-environment", "pass-word"):
                assert secret not in run.out + run.err, args
    rows = shown(router, env=env)
    assert rows["providers.openai.api_key"]["value"] == "***"
    assert rows["providers.acme.api_key"]["value"] == "*** (env:ACME_KEY)"
    assert shown(router)["providers.acme.api_key"]["value"] == "env:ACME_KEY is not set"
    assert rows["providers.openai.headers"]["value"] == {"X-Token": "***"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[sever]\nport = 1\n", "unknown section; did you mean [server]?"),
        ("[providers.openai]\napi_kye = 'x'\n", "api_kye: unknown key; did you mean 'api_key'?"),
        ("[providers.openai]\ntimeouts = { conect = 5 }\n", "did you mean 'connect'?"),
        (
            "[providers.acme]\nkind = 'compatibel'\n",
            "no provider plugin is called 'compatibel'; did you mean 'compatible'?",
        ),
        ("[providers.openai]\nbase_url = 'openai.com'\n", "'openai.com' is not a base URL"),
        ("[plugins.opnai]\nx = 1\n", "no plugin is called 'opnai'; did you mean 'openai'?"),
        ("[plugins.openai]\nx = 1\n", "plugin 'openai' takes no settings here; write [providers.openai]"),
        ("[plugins.standard]\nx = 1\n", "plugin 'standard' takes no settings here"),
    ],
)
def test_check_names_file_line_and_the_nearest(router, text: str, said: str) -> None:
    router.write(f"\n{text}")
    message = router.refused("config", "check")
    assert f"{router.config}, line " in message
    assert said in message


def test_check_refuses_figures_for_strangers_as_serve_does(router) -> None:
    router.write('[metrics]\nlisten = "0.0.0.0:9464"\n')
    said = router.refused("config", "check")
    assert "[metrics] listen: 0.0.0.0 can be reached from other machines" in said and "openssl rand" in said
    assert said == router.refused("serve")
    router.write('[metrics]\ntoken = "env:ITS_TOKEN"\n')
    run = router("config", "check")
    assert run.status == 0 and "warning: " in run.err and "ITS_TOKEN is not set" in run.err


def test_check_of_a_good_configuration_names_the_active_providers(router) -> None:
    value = router.json("config", "check", env={"OPENAI_API_KEY": "sk-x"})
    assert value["ok"] is True
    assert value["active_providers"] == ["echo", "openai"]
    assert "Active providers: echo." in router("config", "check").out


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("server.port", "9000", 9000),
        ("server.host", "0.0.0.0", "0.0.0.0"),
        ("server.host", "8080", "8080"),
        ("server.grace_s", "2.5", 2.5),
        ("gateway.streaming", "false", False),
        ("gateway.key_prefix", "true", "true"),
        ("plugins.disabled", "echo,openai", ["echo", "openai"]),
        ("plugins.disabled", '["echo"]', ["echo"]),
        ("plugins.disabled", "", []),
        ("plugins.enabled", "standard,prepaid,windows", ["standard", "prepaid", "windows"]),
        ("providers.openai.api_key", "env:OTHER", "env:OTHER"),
        ("providers.openai.timeouts.connect", "2", 2),
        ("providers.openai.timeouts", "{ connect = 3.0 }", {"connect": 3.0}),
        ("providers.openai.headers.X-Team", "7", "7"),
        ("providers.openai.models", "a,b", ["a", "b"]),
        ("providers.openai.unlisted", "true", True),
        ("aliases.fast", "echo/echo", "echo/echo"),
        ('aliases."gpt-4.1"', "echo/echo", "echo/echo"),
        ("database.url", "sqlite:///x#y.db", "sqlite:///x#y.db"),
        ('fallback."openai/gpt-4o"', "echo/echo,openai/o3", ["echo/echo", "openai/o3"]),
    ],
)
def test_set_takes_the_value_as_the_type_of_its_key(router, key: str, text: str, value: object) -> None:
    before = tomllib.loads(router.config.read_text())
    comments = [line for line in router.config.read_text().splitlines() if line.startswith("# ")]
    router.json("config", "set", key, text)
    after = tomllib.loads(router.config.read_text())
    found = functools.reduce(lambda table, step: table[step], parse_key(key), after)
    assert found == value
    assert type(found) is type(value)
    assert before["gateway"]["profile"] == after["gateway"]["profile"]
    assert [line for line in router.config.read_text().splitlines() if line.startswith("# ")] == comments


def test_set_puts_the_value_where_its_commented_default_stood(router) -> None:
    router("config", "set", "server.port", "9000")
    router("config", "set", "server.port", "9001")
    text = router.config.read_text()
    assert text.count("port = 9001") == 1
    assert "#port = 8080" not in text
    assert text.index("port = 9001") < text.index("#workers = 0")


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("server.prot", "1", "[server] prot: unknown key; did you mean 'port'?"),
        ("sever.port", "1", "did you mean [server]?"),
        ("port", "1", "'port' is not a key: write SECTION.KEY"),
        ("server.", "1", "is not a key"),
        ("aliases.a/b", "x", 'aliases."gpt-4.1"'),
        ("server.port = 1\nx", "1", "is not a key"),
        ("server.port", "many", "[server] port: must be a whole number, not 'many'"),
        ("server.port", "70000", "must be from 0 to 65535"),
        ("server.port", "1\nhost = 'x'", "must be a whole number"),
        ("server.port.deep", "1", "must be a whole number"),
        ("gateway.streaming", "yes", "must be true or false"),
        ("gateway.profile", "standrad", "did you mean 'standard'?"),
        ("gateway.billing", "prepayd", "did you mean 'prepaid'?"),
        ("gateway.billing", "windows", "windows"),
        ("gateway.rate_limit", "prepaid", "prepaid"),
        ("limits.timezone", "Mars/Olympus", "there is no time zone 'Mars/Olympus'"),
        ("limits.spend_per_day", "-5", "'-5' is not an amount"),
        ("plugins.disabled", "opnai", "did you mean 'openai'?"),
        ("plugins.disabled", "standard", "the plugin 'standard' is installed, but disabled"),
        ("providers.acme.kind", "compatibel", "did you mean 'compatible'?"),
        ("providers.openai.transport", "curl", "must be one of native, requests"),
        ("providers.openai", "x", "must be a table"),
        ("database.url", "mysql://x", "must begin with sqlite:///"),
        ("gateway.profile.x", "1", "is a value, not a section"),
        ("aliases.fast", "echo/ecko", "The model 'echo/ecko' does not exist. Did you mean 'echo/echo'"),
    ],
)
def test_set_refuses_what_would_be_wrong_and_changes_nothing(router, key: str, text: str, said: str) -> None:
    before = router.config.read_bytes()
    assert said in router.refused("config", "set", key, text)
    assert router.config.read_bytes() == before
    assert {path.name for path in router.folder.iterdir() if path.name.startswith(".router")} == set()


def test_set_accepts_negative_numbers_as_values(router) -> None:
    assert "must be from 0 to 65535, not -1" in router.refused("config", "set", "server.port", "-1")


def test_set_keeps_mode_and_link(router) -> None:
    real = router.folder / "real.toml"
    router.config.rename(real)
    real.chmod(0o640)
    router.config.symlink_to(real)
    router.json("config", "set", "server.port", "9000")
    assert router.config.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert "port = 9000" in real.read_text()


def test_set_repairs_a_value_that_only_the_plugins_refuse(router) -> None:
    router.config.write_text('[gateway]\nprofile = "standrad"  # typo\n')
    router.refused("config", "check")
    router.json("config", "set", "gateway.profile", "standard")
    assert router.config.read_text() == '[gateway]\nprofile = "standard"  # typo\n'


@pytest.mark.parametrize(
    ("key", "when"), [("server.port", "at its next start"), ("server.keep_alive_s", "after SIGHUP")]
)
def test_set_says_when_a_running_gateway_sees_it(router, key: str, when: str) -> None:
    assert f"A running gateway sees it {when}." in router("config", "set", key, "9000").err


def test_set_warns_when_the_environment_wins(router) -> None:
    run = router("config", "set", "server.port", "9000", env={"ROUTER__SERVER__PORT": "9100"})
    assert run.status == 0
    assert "environment variable ROUTER__SERVER__PORT wins over the file" in run.err


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("ROUTER_SERVER_PORT", "9000", "ROUTER__SERVER__PORT"),
        ("ROUTER_SERVER__PROT", "9000", "ROUTER__SERVER__PORT"),
        ("ROUTER_GATEWAY_MAX_CALL_S", "5", "ROUTER__GATEWAY__MAX_CALL_S"),
        ("ROUTER_DATABASE_URL", "postgresql://u:pass-word@h/x", "ROUTER__DATABASE__URL"),
        ("ROUTER_PROVIDERS_MY_ACME_API_KEY", "sk-x", "ROUTER__PROVIDERS__MY_ACME__API_KEY"),
        ("ROUTER_SERVER_PORT", "tcp://10.0.0.1:80", None),
        ("ROUTER_GATEWAY_SERVICE_HOST", "10.0.0.1", None),
        ("ROUTER_MASTER_KEY", "x" * 40, None),
    ],
)
def test_a_variable_with_single_underscores_is_a_warning(router, name: str, value: str, right: str | None) -> None:
    run = router("config", "check", env={name: value})
    said = [f"warning: the environment variable {name} sets nothing: write {right}"] if right else []
    assert (run.status, run.err.splitlines()) == (0, said)


def test_a_disabled_profile_is_named_as_such(router) -> None:
    said = router.refused("config", "check", env={"ROUTER__PLUGINS__DISABLED": "standard"})
    assert "the plugin 'standard' is installed, but disabled" in said
    assert "environment variable ROUTER__PLUGINS__DISABLED leaves it out" in said
    only_echo = {"ROUTER__PLUGINS__ENABLED": "echo"}
    assert "ROUTER__PLUGINS__ENABLED leaves it out" in router.refused("config", "check", env=only_echo)


def test_a_url_from_the_environment_hinders_no_change(router) -> None:
    """Whether or not this shell has the variable; only a check of the whole says that it is not set."""
    router.config.write_text('[database]\nurl = "env:OUR_DATABASE"\n')
    url = {"OUR_DATABASE": f"sqlite:///{router.folder / 'router.db'}"}
    for env in ({}, url):
        assert router("config", "set", "server.port", "9001", env=env).status == 0
        name = f"acme{len(env)}"
        run = router("providers", "add", name, "--kind", "compatible", "--base-url", "http://127.0.0.1:9/v1", env=env)
        assert run.status == 0, run.err
        assert router("config", "show", env=env).status == 0
    assert "OUR_DATABASE" in router.config.read_text()
    assert router.json("config", "check", env=url)["ok"]
    assert "is empty" in router.refused("config", "check")
    refused = router.refused("config", "set", "server.port", "9002", env={"OUR_DATABASE": "mysql://u:hunter2@h/d"})
    assert "hunter2" not in refused


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ('prices."echo/echo".input', "2.50", {"input": "2.50"}),
        ('prices."echo/echo".input', "3", {"input": "3"}),
        ('prices."echo/echo"', "{ input = 2.50, output = 10 }", {"input": "2.50", "output": "10"}),
        ('prices."echo/echo"', '{ input = "0.10" }', {"input": "0.10"}),
        ('prices."echo/echo".free', "true", {"free": True}),
        (
            'prices."echo/echo"',
            "{ input = 1.0, tiers = [{ above_tokens = 200000, input = 5.00 }] }",
            {"input": "1.0", "tiers": [{"above_tokens": 200000, "input": "5.00"}]},
        ),
    ],
)
def test_a_price_keeps_its_digits(router, key: str, value: str, kept: dict[str, object]) -> None:
    run = router("config", "set", key, value)
    assert run.status == 0, run.err
    assert tomllib.loads(router.config.read_text())["prices"] == {"echo/echo": kept}
