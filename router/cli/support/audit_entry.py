"""Writes what a command did into the audit log, in the transaction in which it does it."""

from __future__ import annotations

import os
import pwd
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from enum import Enum
from functools import cached_property
from typing import Any

import click

from router.cli.support.output import iso_time
from router.db.connection import Connection
from router.money.amounts import format_nano
from router.store.audit import AuditEntry, has_entry, insert_audit
from router.store.migrating import refuse_newer

__all__ = ["ACTOR", "Witness"]

ACTOR = "ROUTER_ACTOR"
"""The environment variable that names who acts, where that is not the user of the operating system."""

_ID = re.compile(r"(?:acct|key|req)_\w+", re.ASCII)
_SECRET_NAME = re.compile(r"secret|password|api_key$|token$|^url$")
_SECRET_TEXT = re.compile(r"\b(?:sk|op)-[\w-]{8,}|://[^/\s@]+@")
_HIDDEN = "***"
_TEXT_MAX = 500


class Witness:
    """One command's entry: written by its first change, and by no other of the same command.

    Args:
        context: the command's.
        environ: names the actor.
        key_prefix: says what API keys begin with, so that one given by mistake is not kept; asked at the first change.

    Attributes:
        more: what the entry tells beside the options.
    """

    def __init__(self, context: click.Context, environ: Mapping[str, str], key_prefix: Callable[[], str] = str) -> None:
        self._context = context
        self._ask_prefix = key_prefix
        self.more: dict[str, str] = {}
        path = " ".join(_path(context))
        self._entry = AuditEntry(time.time(), environ.get(ACTOR) or _user(), path, "", {})

    def __call__(self, connection: Connection, result: Any) -> None:
        """As ``Database.witness``; a command of an older version changes nothing in a newer one's database."""
        refuse_newer(connection)
        if self._entry.seq and has_entry(connection, self._entry):
            return
        if not connection.has_table("chains"):
            return  # the first migrations of a new or old database
        made = _made(result)
        subject = self._subject(made)
        detail = self._detail() | self.more
        if made and made != subject:
            detail["made"] = made
        amount = getattr(result, "amount_nano", None)
        if isinstance(amount, int):  # a refund of all that is left, a first credit: no option tells how much
            detail.setdefault("amount", format_nano(amount))
        entry = replace(self._entry, subject=self._masked(subject), detail=detail)
        self._entry = replace(self._entry, seq=insert_audit(connection, entry))

    @cached_property
    def _key_prefix(self) -> str:
        return self._ask_prefix()

    def _detail(self) -> dict[str, Any]:
        given = ((one, self._context.params.get(one.name or "")) for one in self._context.command.params)
        return {
            str(one.name).rstrip("_"): _HIDDEN
            if _SECRET_NAME.search(str(one.name))
            else self._masked(_readable(one, value))
            for one, value in given
            if one.name not in ("config", "as_json") and value not in (None, (), False, "")
        }

    def _masked(self, value: Any) -> Any:
        if isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, (tuple, list)):
            return [self._masked(one) for one in value]
        text = _SECRET_TEXT.sub(_HIDDEN, str(value))
        if self._key_prefix:
            text = re.sub(rf"{re.escape(self._key_prefix)}[\w-]{{20,}}", _HIDDEN, text)
        return text[:_TEXT_MAX]

    def _subject(self, made: str) -> str:
        """The first argument that is an ID, else what was made, else an option that is an ID, else the argument."""
        arguments = list(self._given(click.Argument))
        options = list(self._given(click.Option))
        ids = [text for text in arguments if _ID.fullmatch(text)]
        also = [text for text in options if _ID.fullmatch(text)]
        return next(iter([*ids, *filter(None, [made]), *also, *arguments]), "")

    def _given(self, kind: type[click.Parameter]) -> Iterator[str]:
        for parameter in self._context.command.params:
            value = self._context.params.get(parameter.name or "")
            if isinstance(parameter, kind) and isinstance(value, str) and value:
                yield value


def _readable(parameter: click.Parameter, value: Any) -> Any:
    """An option's value as it was given, more or less: amounts and times arrive as numbers."""
    kind = parameter.type.name
    if isinstance(value, Enum):
        return value.value
    if kind.startswith("amount") and isinstance(value, int):
        return format_nano(value)
    return iso_time(value) if kind.startswith("time") and isinstance(value, float) else value


def _path(context: click.Context) -> list[str]:
    """The command's words, without the program's."""
    words: list[str] = []
    step: click.Context | None = context
    while step is not None and step.parent is not None:
        words.insert(0, step.info_name or "")
        step = step.parent
    return words


def _made(result: Any) -> str:
    """The ID of what a change returned: a row, or a row and a text that is never to be kept."""
    row = result[0] if isinstance(result, tuple) and result else result
    found = getattr(row, "reference", None) or getattr(row, "id", None)
    return found if isinstance(found, str) else ""


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run under a number that has no name
        return f"uid {os.getuid()}"
