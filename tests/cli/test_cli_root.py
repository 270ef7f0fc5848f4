"""The root group: unknown names, shared options, commands of plugins."""

from __future__ import annotations

import importlib
from pathlib import Path

import click
import pytest

import router as host
from router.cli.main import Root, cli
from router.plugin_host.registry import registry_of

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["keyz"], "there is no command 'keyz'; did you mean 'keys'?"),
        (["xyzzy"], "there is no command 'xyzzy'; the commands are accounts, alerts, audit,"),
        (["keys", "creat"], "there is no command 'creat'; did you mean 'create'?"),
        (["keys", "create", "--acount", "x"], "--account"),
        (["keys", "create"], "--account is missing"),
        (["keys", "create", "--account", "x", "--expires", "soon"], "'soon' is neither a duration, such as 24h or 7d"),
        (
            ["keys", "rotate", "key_x", "--grace", "10 minutes"],
            "write a number and a unit, such as 30s, 15m, 24h or 7d",
        ),
        (["keys", "rotate", "key_x", "--grace", "99999999999d"], "more than a hundred years"),
        (
            ["models", "add", "x", "--provider", "p", "--model", "m", "--kind", "embedding"],
            "did you mean 'embeddings'?",
        ),
        (["usage", "show", "--limit", "many"], "--limit: must be a whole number from 1 to 10000, not many"),
        (["usage", "show", "--limit", "0"], "--limit: must be a whole number from 1"),
        (["usage", "show", "--since", "2026-13-01"], "'2026-13-01' is neither"),
        (["serve", "--port", "70000"], "--port: must be a whole number from 0 to 65535, not 70000"),
        (["models", "alias", "fast"], "give either TARGET or --remove"),
        (["models", "alias", "fast", "echo/echo", "--remove"], "give either TARGET or --remove"),
    ],
)
def test_wrong_usage_says_what_would_be_right(router, args: list[str], said: str) -> None:
    assert said in router.refused(*args, status=2)


def test_no_command_shows_help(router) -> None:
    run = router()
    assert run.status == 2
    assert "Commands:" in run.err


def test_the_shared_options_may_stand_before_the_command(router, tmp_path: Path) -> None:
    elsewhere = str(tmp_path / "none.toml")
    assert router("--json", "keys", "list").value
    assert elsewhere in router("--config", elsewhere, "keys", "list").err
    assert router("--config", elsewhere, "keys", "list", "--config", str(router.config), "--json").value


def test_the_root_lists_each_command_with_its_own_first_line() -> None:
    for name, place in Root.places.items():
        module, _, attribute = place.path.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert command.name.rstrip("_") == name
        assert command.get_short_help_str(200).rstrip(".") in place.help or place.help


def test_a_plugin_adds_commands(router, monkeypatch: pytest.MonkeyPatch) -> None:
    class Plugin:
        @host.hookimpl
        def register_commands(self, cli: click.Group) -> None:
            cli.add_command(click.Command("greet", callback=lambda: click.echo("hello")))

    monkeypatch.setattr("router.app.installed.registry_of_settings", lambda settings: registry_of(greeter=Plugin()))
    try:
        assert router("greet").out == "hello\n"
        assert "did you mean 'greet'?" in router("gret").err
    finally:
        cli.commands.pop("greet", None)
