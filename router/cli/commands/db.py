"""``router db``: migrations, backups, and copies into another database."""

from __future__ import annotations

import time
from contextlib import closing
from functools import partial
from pathlib import Path

import click

from router.app.installed import plugin_migrations
from router.cli.processes.running import running_pid
from router.cli.support.groups import Commands
from router.cli.support.output import pairs, table
from router.cli.support.session import CommandSession, common
from router.db.columns import table_names
from router.db.connection import Connection
from router.db.database import Database
from router.db.engines import engine_of
from router.db.sqlite import SqliteEngine
from router.errors import BadRequest, ConfigError
from router.jobs.workers import living
from router.ledger.verify import verify
from router.metering.usage_months import partition_usage
from router.office.audit import AuditedRunner
from router.office.entries import entry_of
from router.store.audit import AuditEntry, insert_audit
from router.store.migrating import Step, pending, step_back
from router.store.migrating import migrate as apply_pending
from router.store.moving.backup import backup as back_up
from router.store.moving.copying import Copied
from router.store.moving.copying import copy as copy_all
from router.store.moving.restoring import restore as put_back
from router.store.moving.restoring_postgresql import restore_postgresql
from router.store.opening import open_database

__all__ = ["db"]

_PARTITION_S = 86_400.0
_COLUMNS = {"owner": "OWNER", "number": "NUMBER", "title": "TITLE"}


@click.group(cls=Commands)
def db() -> None:
    """The database: migrations, backups, and the way to another."""


@db.command()
@common
def migrate(session: CommandSession) -> None:
    """Apply what is pending; a SQLite file that is not there is made."""
    migrations = plugin_migrations(session.registry)
    url = session.settings.database.url.reveal()
    open_database(url, session.config.absolute().parent, create=True).close()
    failures: list[ConfigError] = []
    audited = AuditedRunner(session.database, session.actor, "db migrate", "", {}, upkeep=True)
    done = apply_pending(audited, migrations, lambda plugin, error: failures.append(error))
    if failures:  # the others' steps are applied all the same
        raise ConfigError(" ".join(error.message for error in failures))
    steps = [_value(step) for step in done]
    session.show({"applied": steps}, table(steps, _COLUMNS, empty="Nothing was pending."))


@db.command()
@common
def status(session: CommandSession) -> None:
    """Where the database is, and which migrations are pending."""
    steps = [_value(step) for step in pending(session.database, plugin_migrations(session.registry))]
    database = session.database
    value = {"engine": database.engine, "database": database.place, "current": not steps, "pending": steps}
    waiting = table(steps, _COLUMNS, empty="No migration is pending.")
    session.show(value, pairs({"engine": database.engine, "database": database.place}) + f"\n\n{waiting}")
    if steps:
        session.note("Next: router db migrate (router serve does it as well)")


@db.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--verify", "proved", is_flag=True, help="Verify the copy's ledger as well; exit status 1 if it fails.")
@common
def backup(session: CommandSession, file: Path, proved: bool) -> int:
    """Copy the database to FILE as of one moment, while it is in use.

    FILE is a SQLite database, whichever engine the gateway's is on; `router db restore` takes it to either. It is read
    again when it is written.
    """
    if not file.name:
        raise click.UsageError("FILE is empty: name the file to write")
    session.progress("copying, and checking the copy")
    back_up(session.database, file, plugin_migrations(session.registry), session.progress)
    value: dict[str, object] = {"file": str(file.absolute()), "bytes": file.stat().st_size}
    failed = []
    if proved:
        session.progress("verifying the ledger")
        failed = _failed_in(file)
        value["failed"] = failed
    session.show(value, f"The database was copied to {file} ({value['bytes']} bytes).")
    if failed:
        session.note(
            f"failed in the copy: {', '.join(failed)}. `router ledger verify` says whether the database has it."
        )
    return 1 if failed else 0


@db.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--replace", is_flag=True, help="Where there is a database already, which is kept beside.")
@click.option("--migrate", "bring_up", is_flag=True, help="Apply the migrations that the backup lacks.")
@common
def restore(session: CommandSession, file: Path, replace: bool, bring_up: bool) -> None:
    """Put the backup FILE in the place of the database, checked. Refused while a gateway uses it.

    The database that was there is kept: a SQLite file, with its log, beside it under another name, PostgreSQL's tables
    in a schema of their own. Whatever interrupts the command, the database is the old one or the new one.
    """
    _refuse_running(session)
    migrations = plugin_migrations(session.registry)
    engine = engine_of(session.settings.database.url.reveal(), session.config.absolute().parent, timeout_s=5)
    if isinstance(engine, SqliteEngine):
        kept: object = put_back(engine, file, migrations, replace=replace, bring_up=bring_up)
        if not pending(session.database):
            AuditedRunner(session.database, session.actor, "db restore", str(file), {}).write(lambda _: None)
    else:
        if "workers" in session.database.read(table_names, whole=False):
            _refuse_served(session)
        entry = entry_of(session.actor, "db restore", str(file), {})
        kept = restore_postgresql(
            session.database,
            file,
            migrations,
            session.progress,
            partial(_told, entry),
            replace=replace,
            bring_up=bring_up,
        )
    lacks = len(pending(session.database, migrations))
    value = {"file": str(file.absolute()), "replaced": str(kept) if kept else None, "pending": lacks}
    session.show(value, f"{file} is the database now." + (f" The one before is {kept}." if kept else ""))
    if lacks:
        session.note(f"It lacks {lacks} migration(s): `router db migrate` applies them, and so does `router serve`.")
    session.note("Next: router ledger sweep --all, then router serve")


@db.command()
@click.option(
    "--to", "url", required=True, metavar="URL", help="The other database, as [database] url has it; env:NAME as well."
)
@common
def copy(session: CommandSession, url: str) -> int:
    """Copy all into another, empty database: from SQLite to PostgreSQL, or back. Refused while a gateway uses it.

    Plugins' tables come along. All is one transaction: should it fail, the other database is as empty as before. Then
    the other one's ledger is verified, with exit status 1 if a check fails. The configuration is left as it is.
    """
    _refuse_served(session)
    with closing(_opened(session, url)) as target:
        entry = entry_of(session.actor, "db copy", session.database.place, {"from": session.database.place})
        also = partial(_told, entry)
        copied = copy_all(session.database, target, plugin_migrations(session.registry), session.progress, also)
        session.progress("verifying the ledger")
        failed = [check.name for check in verify(target) if not check.ok]
        value = {"from": session.database.place, "to": target.place, "tables": dict(copied.rows), "failed": failed}
    rows = [{"table": table, "rows": count} for table, count in copied.rows.items()]
    session.show(value, table(rows, {"table": "TABLE", "rows": "ROWS"}, empty=""))
    if copied.left:
        session.note(f"Left where they are, as they are no plugin's: {', '.join(copied.left)}")
    if failed:
        session.note(
            f"failed in the copy: {', '.join(failed)}. `router ledger verify` says whether the source has it too."
        )
    else:
        session.note("Next: set [database] url to it, run router ledger sweep --all, then router serve")
    return 1 if failed else 0


@db.command()
@common
def partition(session: CommandSession) -> None:
    """Put PostgreSQL's usage table into parts of a month each. Refused while a gateway uses it.

    `router usage prune` then drops whole months in one stroke. No row is moved: what is there is one part, to the end
    of this month; one of the gateway's workers makes the coming months ready.
    """
    _refuse_served(session)
    audited = AuditedRunner(session.database, session.actor, "db partition", "usage", {})
    made = audited.write(partition_usage, timeout_s=_PARTITION_S)
    session.show({"months": made}, f"usage is in months now: {made} coming ones are ready.")


@db.command("step-back")
@click.option("--lossy", is_flag=True, help="Also where counts are lost that the release before has no place for.")
@common
def back(session: CommandSession, lossy: bool) -> None:
    """Undo the newest migration, for the release before it. Refused while a gateway uses the database.

    What the newer tables hold is brought into the older ones first; where something would be lost, nothing is done.
    """
    _refuse_served(session)
    audited = AuditedRunner(session.database, session.actor, "db step-back", "", {"lossy": lossy}, upkeep=True)
    step = _value(step_back(audited, lossy=lossy))
    session.show({"undone": step}, table([step], _COLUMNS, empty=""))
    session.note("Next: install the release before it, then router serve")


def _failed_in(file: Path) -> list[str]:
    """The ledger's checks that fail in a backup, which stays one file."""
    try:
        with closing(open_database(f"sqlite:///{file.absolute()}", file.absolute().parent)) as copied:
            return [check.name for check in verify(copied) if not check.ok]
    finally:
        file.with_name(file.name + "-lock").unlink(missing_ok=True)


def _told(entry: AuditEntry, connection: Connection, _: Copied) -> None:
    insert_audit(connection, entry)


def _opened(session: CommandSession, url: str) -> Database:
    """The other database, a SQLite file made where there is none."""
    try:
        return open_database(session.settings.secret(url).reveal(), session.config.absolute().parent, create=True)
    except ConfigError as error:
        raise BadRequest(error.message.replace("[database] url", "--to"), code=error.code) from None


def _refuse_running(session: CommandSession) -> None:
    pid = running_pid(session.settings)
    if pid is not None:
        raise BadRequest(f"A gateway serves this configuration (process {pid}): end it before (`router stop`).")


def _refuse_served(session: CommandSession) -> None:
    """What a gateway writes meanwhile would be missing in the copy."""
    _refuse_running(session)
    workers = living(session.database, time.time())
    if workers:
        places = ", ".join(
            sorted({f"{worker.host.partition('/')[0]} (process {worker.process})" for worker in workers})
        )
        raise BadRequest(
            f"The {session.database.place} is served by {places}: end these before. One that was lost with its machine "
            "counts for some seconds more."
        )


def _value(step: Step) -> dict[str, object]:
    return {"owner": step.owner, "number": step.number, "title": step.title}
