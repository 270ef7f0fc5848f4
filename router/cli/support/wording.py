"""What Click says of wrong usage, in the words of the rest: what is wrong, what it must be, the nearest right name."""

from __future__ import annotations

import click

from router.plugin_host.validate import nearest

__all__ = ["in_our_words"]


def in_our_words(error: click.ClickException) -> str:
    """The message of an error of usage."""
    if isinstance(error, click.NoSuchOption):
        known = [name for one in _parameters(error) for name in (*one.opts, *one.secondary_opts) if name[:1] == "-"]
        return f"there is no option {error.option_name}{nearest(error.option_name, known)}"
    if isinstance(error, click.MissingParameter) and error.param is not None:
        return f"{_called(error.param, error.ctx)} is missing"
    if isinstance(error, click.BadOptionUsage):
        return f"{error.option_name} needs a value" if "requires" in error.message else error.message
    if isinstance(error, click.BadParameter) and error.param is not None:
        return f"{_called(error.param, error.ctx)}: {_of_value(error.param, error.message)}"
    message = error.format_message()
    if message.startswith("Got unexpected extra argument"):
        return f"more arguments than there is use for: {message.partition('(')[2].rstrip(')')}"
    return "a command is missing" if message == "Missing command." else message


def _of_value(parameter: click.Parameter, message: str) -> str:
    """Click's two ways of refusing a number, in one."""
    kind = parameter.type
    kind = getattr(kind, "inner", kind)
    value = message.partition("'")[2].partition("'")[0] if message.startswith("'") else message.partition(" is not")[0]
    if not ("is not a valid" in message or "is not in the range" in message):
        return message
    if isinstance(kind, click.IntRange):
        bounds = [f"from {kind.min}"] if kind.min is not None else []
        bounds += [f"to {kind.max}"] if kind.max is not None else []
        return f"must be a whole number {' '.join(bounds)}, not {value}".replace(" ,", ",")
    if isinstance(kind, click.types.IntParamType):
        return f"must be a whole number, not {value}"
    return f"must be a {kind.name.replace('_', ' ')}, not {value}"


def _called(parameter: click.Parameter, context: click.Context | None) -> str:
    if isinstance(parameter, click.Argument):
        return parameter.make_metavar(context) if context is not None else str(parameter.name).upper()
    return max(parameter.opts, key=len)


def _parameters(error: click.UsageError) -> list[click.Parameter]:
    return error.ctx.command.params if error.ctx is not None else []
