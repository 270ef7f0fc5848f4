"""Groups of commands: unknown names are answered with the nearest, commands are imported when they are used."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from typing import ClassVar, NamedTuple, NoReturn

import click

__all__ = ["CommandEntry", "Commands", "LazyCommands", "NearestChoice"]


class Commands(click.Group):
    """A group that names the nearest command when there is none of the name asked for."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            self.refuse(ctx, name)
        return super().resolve_command(ctx, args)

    def refuse(self, ctx: click.Context, name: str) -> NoReturn:
        """Raises:
        click.UsageError: naming the nearest command, or all of them.
        """
        known = self.list_commands(ctx)
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"the commands are {', '.join(known)}."
        raise click.UsageError(f"there is no command {name!r}; {hint}", ctx)


class CommandEntry(NamedTuple):
    """Where a command is: ``router.cli.commands.keys:keys``; and its line of ``--help``, shown without importing it."""

    path: str
    help: str


class LazyCommands(Commands):
    """A group whose commands are imported when they are used, which keeps ``router --help`` fast."""

    places: ClassVar[Mapping[str, CommandEntry]] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*self.places, *self.commands})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands and cmd_name in self.places:
            module, _, name = self.places[cmd_name].path.partition(":")
            self.add_command(getattr(importlib.import_module(module), name), cmd_name)
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.places[name].help) for name in sorted(self.places)])


class NearestChoice(click.Choice[str]):
    """A choice that names the nearest value when the one given is not among them."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in self.choices:
            close = difflib.get_close_matches(value, self.choices, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"choose one of {', '.join(self.choices)}."
            self.fail(f"there is no {value!r}; {hint}", param, ctx)
        return value
