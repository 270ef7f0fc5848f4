"""A plugin's own tables: reached through the host's connections, and none but its own.

The check reads statements for the names behind the words that a table's name follows. It keeps slips from the ledger;
whoever wants to get round it can, as whatever runs in this process can.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from router.db.connection import Connection
from router.db.database import Database
from router.types.plugin_context import PluginConnection, table_prefix

__all__ = ["Note", "PluginTables", "foreign_tables"]

T = TypeVar("T")

_TOKEN = re.compile(
    r"""(?P<skip>\s+|--[^\n]*|/\*.*?\*/|'(?:[^']|'')*')|(?P<quoted>"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\])"""
    r"|(?P<word>[^\W\d]\w*)|(?P<sign>.)",
    re.DOTALL,
)
_BEFORE = frozenset({"FROM", "INDEX", "INTO", "JOIN", "SEQUENCE", "TABLE", "TRIGGER", "UPDATE", "VIEW"})
"""Words that a table's name, or that of what belongs to one, comes behind."""
_BETWEEN = frozenset({"CONCURRENTLY", "EXISTS", "IF", "LATERAL", "NOT", "ONLY"})
_NO_TABLE = frozenset({"BEGIN", "CASCADE", "SELECT", "SET", "SKIP", "NOWAIT", "OF"})
"""Words behind those of ``_BEFORE`` that say that no name comes: ``ON CONFLICT DO UPDATE SET``, ``FOR UPDATE``."""
_FUNCTIONS = frozenset({"EXTRACT", "OVERLAY", "SUBSTRING", "TRIM"})
"""What has a FROM of its own between its parentheses."""
_ENDS = frozenset(
    {"CROSS", "EXCEPT", "FOR", "FULL", "GROUP", "HAVING", "INNER", "INTERSECT", "JOIN", "LEFT", "LIMIT", "NATURAL"}
) | {"OFFSET", "ON", "ORDER", "RETURNING", "RIGHT", "SELECT", "SET", "UNION", "USING", "VALUES", "WHERE", "WINDOW"}
"""Words that end a list of tables."""
_FORBIDDEN = frozenset({"ATTACH", "BEGIN", "COMMIT", "DETACH", "PRAGMA", "ROLLBACK", "SAVEPOINT", "VACUUM"})
"""What a statement may not begin with: the transaction and the connection are the host's."""
_ACTION = re.compile(r"[a-z][a-z0-9_ -]{0,39}", re.ASCII)
_SUBJECT_MAX, _DETAIL_MAX, _NOTES_MAX = 200, 20, 100


Note = Callable[[Connection, str, str, Mapping[str, Any], str, str], None]
"""Writes an entry of the audit log: within a transaction, its action, subject, detail, and actor by name and kind."""


class PluginTables:
    """A plugin's ``context.database``.

    Args:
        open_database: gives the database; asked at the first use.
        note: writes what the plugin has to say into the audit log.
    """

    def __init__(self, plugin: str, open_database: Callable[[], Database], note: Note) -> None:
        self._plugin = plugin
        self._open = open_database
        self._note = note

    def read(self, function: Callable[[PluginConnection], T]) -> T:
        """See ``router.PluginDatabase``."""
        return self._open().read(lambda connection: function(_Tables(self._plugin, connection, None)), whole=False)

    def write(self, function: Callable[[PluginConnection], T]) -> T:
        """See ``router.PluginDatabase``."""
        # The ledger's log is left as it is: what is written here is none of its tables.
        note = self._note
        return self._open().write(lambda connection: function(_Tables(self._plugin, connection, note)), behind=True)


class _Tables:
    """One connection, for one plugin's statements."""

    def __init__(self, plugin: str, connection: Connection, note: Note | None) -> None:
        self._plugin = plugin
        self._connection = connection
        self._note = note
        self._noted = 0
        self.engine = connection.engine

    def execute(self, sql: str, params: Sequence[Any] = ()) -> int:
        return self._connection.execute(self._checked(sql), params)

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[dict[str, Any]]:
        return self._connection.rows(self._checked(sql), params)

    def row(self, sql: str, params: Sequence[Any] = ()) -> dict[str, Any] | None:
        return self._connection.row(self._checked(sql), params)

    def audit(
        self,
        action: str,
        subject: str = "",
        detail: Mapping[str, Any] | None = None,
        *,
        actor: str = "",
        kind: str = "",
    ) -> None:
        if self._note is None:
            raise ValueError(f"the plugin {self._plugin!r} writes the audit log within write alone, not within read")
        told = dict(detail or {})
        wrong = [name for name, value in told.items() if type(value) not in (str, int, float, bool)]
        if not _ACTION.fullmatch(action) or len(subject) > _SUBJECT_MAX or len(told) > _DETAIL_MAX or wrong:
            raise ValueError(
                f"the plugin {self._plugin!r} wrote no entry of the audit log: an action of at most 40 small letters, "
                f"a subject of at most {_SUBJECT_MAX} characters and {_DETAIL_MAX} texts and numbers are wanted"
            )
        self._noted += 1
        if self._noted > _NOTES_MAX:
            raise ValueError(f"the plugin {self._plugin!r} wrote more than {_NOTES_MAX} entries in one transaction")
        self._note(self._connection, f"{self._plugin} {action}", subject, told, actor or self._plugin, kind or "system")

    def _checked(self, sql: str) -> str:
        foreign = _foreign(sql, table_prefix(self._plugin))
        if foreign:
            raise ValueError(_told(self._plugin, foreign))
        return sql


def foreign_tables(plugin: str, sql: str) -> str:
    """What is wrong with a plugin's statements, in words for its author; empty where they name its own tables alone."""
    foreign = _foreign(sql, table_prefix(plugin))
    return _told(plugin, foreign) if foreign else ""


def _told(plugin: str, foreign: tuple[str, ...]) -> str:
    name = foreign[0]
    if name in _FORBIDDEN:
        return f"the plugin {plugin!r} may not run {name}: transactions and connections are the host's"
    prefix = table_prefix(plugin)
    return f"the plugin {plugin!r} may not touch {name!r}: the names of its tables begin with {prefix!r}"


@lru_cache(maxsize=512)
def _foreign(sql: str, prefix: str) -> tuple[str, ...]:
    tokens = [(match.lastgroup, match.group()) for match in _TOKEN.finditer(sql) if match.lastgroup != "skip"]
    own = _common_tables(tokens)
    found = [name for name in _named(tokens) if name.lower() not in own and not name.lower().startswith(prefix)]
    return (*_forbidden(tokens), *found)


def _forbidden(tokens: Sequence[tuple[str | None, str]]) -> Iterator[str]:
    begins = True
    for _, text in tokens:
        if begins and text.upper() in _FORBIDDEN:
            yield text.upper()
        begins = text == ";"


def _common_tables(tokens: Sequence[tuple[str | None, str]]) -> set[str]:
    """Names that the statement itself gives to queries: ``WITH name AS (`` and ``, name AS (``."""
    if not tokens or tokens[0][1].upper() != "WITH":
        return set()
    texts = [text for _, text in tokens]
    found = set()
    for place, text in enumerate(texts):
        if text.upper() == "AS" and texts[place + 1 : place + 2] == ["("] and tokens[place - 1][0] != "sign":
            found.add(texts[place - 1].strip('"`[]').lower())
    return found


def _named(tokens: Sequence[tuple[str | None, str]]) -> Iterator[str]:
    """The names at places where a table, or what belongs to one, is named."""
    wanted = made = False
    lists: list[bool] = [False]  # for each open parenthesis: whether a comma in it leads to another table
    quiet: list[bool] = [False]  # and whether a FROM in it is a function's own
    before = ""
    place = 0
    while place < len(tokens):
        kind, text = tokens[place]
        word = text.upper() if kind == "word" else ""
        if wanted and word not in _BETWEEN:
            wanted = False
            if kind in ("word", "quoted") and word not in _NO_TABLE:
                name, place = _dotted(tokens, place)
                yield name
                before = name.upper()
                continue
        if text == "(":
            lists.append(False)
            quiet.append(before in _FUNCTIONS)
        elif text == ")" and len(lists) > 1:
            lists.pop()
            quiet.pop()
        elif text == "," and lists[-1]:
            wanted = True
        elif text == ";":
            made, lists, quiet = False, [False], [False]
        elif word in _BEFORE and not (word == "FROM" and (quiet[-1] or before == "DISTINCT")):
            wanted = True
            lists[-1] = word in ("FROM", "JOIN")
            made = made or word in ("INDEX", "TRIGGER")
        elif word == "ON" and made:
            wanted, made = True, False
        elif word in _ENDS:
            lists[-1] = False
        elif word == "REFERENCES":
            wanted = True
        before = word or before if kind == "word" else ""
        place += 1


def _dotted(tokens: Sequence[tuple[str | None, str]], place: int) -> tuple[str, int]:
    """A name with its schema, which makes it somebody else's; and the place behind it."""
    name = tokens[place][1].strip('"`[]')
    place += 1
    while place + 1 < len(tokens) and tokens[place][1] == ".":
        name = f"{name}.{tokens[place + 1][1]}"
        place += 2
    return name, place
