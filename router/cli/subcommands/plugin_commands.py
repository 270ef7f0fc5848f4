"""Commands of plugins: asked for when a name is none of ours."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from router.app.config_rules import plugin_record
from router.app.plugin_contexts import PluginContexts
from router.cli.support.session import CommandSession
from router.errors import ConfigError, faults
from router.plugin_host.registry import load_plugins
from router.types.plugin_context import PluginContext

__all__ = ["add_plugin_commands", "plugin_contexts"]

_log = logging.getLogger("router.cli")


def add_plugin_commands(root: click.Group, ctx: click.Context, config: Path) -> None:
    """Add what the plugins have to the root's commands; none takes the place of one that is there."""
    session = CommandSession(config, False)
    ctx.call_on_close(lambda: session.__exit__())
    registry = session.registry if config.exists() else load_plugins()
    registry.broadcast("register_commands", cli=root)
    taken = set(root.list_commands(ctx))
    for plugin in registry.having("commands"):
        try:
            context = plugin_contexts(session, plugin.name).of(plugin.name) if config.exists() else _homeless(config)
            commands = list(plugin.hooks["commands"](context=context))
            for command in commands:
                if not isinstance(command, click.Command) or not command.name:
                    raise TypeError(f"a click.Command with a name is wanted, not {command!r}")
        except faults():
            _log.exception("plugin %s failed in hook commands", plugin.name)
            continue
        for command in commands:
            if command.name in taken:
                _log.error("plugin %s: there is a command %r already", plugin.name, command.name)
            else:
                root.add_command(command)
                taken.add(command.name or "")


def plugin_contexts(session: CommandSession, *names: str) -> PluginContexts:
    """The contexts that these plugins have in the command line.

    Raises:
        ConfigError: a plugin's section is wrong.
    """
    settings, registry = session.settings, session.registry
    declaring = [name for name in names if {"settings", "plugin_settings"} & set(registry.plugins[name].hooks)]
    records = {}
    for name in declaring:
        plugin = registry.plugins[name]
        if "plugin_settings" in plugin.hooks or "provider" not in plugin.roles:
            records[name] = plugin_record(settings, registry, name)
    return PluginContexts(settings, records, lambda: session.database)


def _homeless(config: Path) -> PluginContext:
    """The context where there is no configuration: whoever asks for the database is told so."""

    class Nowhere:
        def read(self, function: object) -> object:
            raise ConfigError(f"{config} is not there: name the configuration with --config, or run `router init`")

        write = read

    return PluginContext(str(config), (), None, "", database=Nowhere())  # type: ignore[arg-type]
