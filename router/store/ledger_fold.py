"""The ledger's tables with its log folded in, for whoever looks at one moment and must not keep writers waiting.

Within the reader's transaction, temporary views stand before the tables of the same names.
"""

from __future__ import annotations

from collections.abc import Sequence

from router.db.bulk import Columns, write_rows
from router.db.connection import Connection
from router.metering.hour_rows import COLUMNS as HOURS
from router.metering.hour_rows import in_full
from router.metering.hour_totals import COLUMNS as TOTALS
from router.metering.hour_totals import totals_of
from router.store.ledger_log import BALANCES, BUCKETS, HOLDS, TRANSFERS, Row, is_behind, logged, merged

__all__ = ["fold"]

_ENDED: Columns = (("id", "text"),)


def fold(connection: Connection) -> None:
    """Let the tables' names mean what they will be once the log is read to its end.

    Until the transaction ends: it has to be one of ``Connection.snapshot(temporary=True)``.
    """
    if not is_behind(connection):
        return
    whole = merged(effects for _, effects in logged(connection))
    schema = "main"
    if connection.engine == "postgresql":
        schema = connection.tuples("SELECT quote_ident(current_schema())")[0][0]
    last = connection.tuples(f"SELECT COALESCE(MAX(seq), 0) FROM {schema}.transfers")[0][0]  # noqa: S608 - a name
    _keep(connection, "ended", f"SELECT id FROM {schema}.holds", _ENDED, [(id,) for id in whole.ended])  # noqa: S608
    for name, columns, rows in (
        ("balances", BALANCES, whole.balances),
        ("buckets", BUCKETS, whole.buckets),
        ("holds", HOLDS, whole.holds),
        ("transfers", (*TRANSFERS, ("seq", "bigint")), _numbered(whole.transfers, last)),
        ("usage_hours", HOURS, [in_full(row) for row in whole.hours]),
        ("usage_totals", TOTALS, totals_of(whole.hours)),
    ):
        names = ", ".join(column for column, _ in columns)
        there = f"SELECT {names} FROM {schema}.{name}"  # noqa: S608 - constant texts
        _keep(connection, name, there, columns, rows)
        key = columns[0][0]
        others = {
            "balances": f"WHERE {key} NOT IN (SELECT {key} FROM log_{name})",  # noqa: S608 - constant texts
            "buckets": f"WHERE {key} NOT IN (SELECT {key} FROM log_{name})",  # noqa: S608 - constant texts
            "holds": "WHERE id NOT IN (SELECT id FROM log_ended)",
        }.get(name, "")
        connection.execute(
            f"CREATE TEMPORARY VIEW {name} AS {there} {others} UNION ALL SELECT {names} FROM log_{name}"  # noqa: S608
        )


def _keep(connection: Connection, name: str, like: str, columns: Columns, rows: Sequence[Row]) -> None:
    connection.execute(f"CREATE TEMPORARY TABLE log_{name} AS {like} WHERE 1 = 0")
    write_rows(connection, f"log_{name}", columns, rows)


def _numbered(transfers: Sequence[Row], last: int) -> list[Row]:
    return [(*row, last + place) for place, row in enumerate(transfers, 1)]
