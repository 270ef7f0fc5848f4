"""Commands, pages and APIs read and change the database through the office, and each change has an actor."""

from __future__ import annotations

import ast
import importlib
import inspect

import pytest
from sources import imports_in, modules

KNOWN = modules()
TABLES = ("router.store", "router.ledger", "router.db", "router.metering", "router.jobs")

MUST = {
    "router.cli.commands.db": "migrations, backups and copies are of the database itself",
    "router.cli.commands.init": "makes the database, and its tables",
    "router.cli.processes.serve": "brings the tables up to date before there are workers",
    "router.cli.support.config_check": "says whether the database's URL can be used, and opens nothing",
    "router.cli.support.doctor_checks": "looks at the database's file, and at what is pending",
    "router.cli.support.session": "opens the database that the office works on",
}
"""Modules of the command line that import tables or the database -> why."""

PORTAL_MAY = {
    "router.portal.application": "its process is a worker, with a lease and jobs of its own",
    "router.portal.portal_jobs": "names what its workers do from time to time",
}
"""Modules of the portal that may import jobs -> why. All else is the office's."""

OFFICE = [name for name in KNOWN if name.startswith("router.office.")]
WRITES = ("write", "AuditedRunner")


def importers(room: str) -> set[str]:
    """The modules of a room that import tables; ``router.db.ids`` has none, but makes IDs."""
    return {
        module
        for module, path in KNOWN.items()
        if module.startswith(room)
        for found in imports_in(module, path, KNOWN)
        if (found.target.startswith(tuple(f"{table}." for table in TABLES)) or found.target in TABLES)
        and (room == "router.cli" or found.target != "router.db.ids")
    }


def test_the_command_line_goes_through_the_office() -> None:
    assert importers("router.cli") == set(MUST)


def test_the_portal_goes_through_the_office() -> None:
    assert importers("router.portal") <= set(PORTAL_MAY)


def statements_in(source: str) -> list[str]:
    """Texts of a module that are SQL."""
    texts = (node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    words = ("SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM ", "WHERE ", "ORDER BY ")
    return [text for text in texts if isinstance(text, str) and text.lstrip().startswith(words)]


def test_no_command_and_no_page_has_sql_of_its_own() -> None:
    found = {
        name: statements_in(path.read_text(encoding="utf-8"))
        for name, path in KNOWN.items()
        if name.startswith(("router.cli", "router.portal"))
    }
    assert {name: texts for name, texts in found.items() if texts} == {}


def test_sql_is_found() -> None:
    assert statements_in('x = f"SELECT id FROM {y}"\ny = "UPDATED"\nz = "Selected."') == ["SELECT id FROM "]


def writers() -> dict[str, ast.FunctionDef]:
    """The office's public functions that write, by their dotted names."""
    found = {}
    for module in OFFICE:
        tree = ast.parse(KNOWN[module].read_text(encoding="utf-8"))
        functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        calls = {name: _called(node) for name, node in functions.items()}
        writing = {name for name, called in calls.items() if called & set(WRITES)}
        writing |= {name for name, called in calls.items() if called & writing}
        found |= {f"{module}.{name}": functions[name] for name in writing if name[0] != "_"}
    return found


def _called(node: ast.FunctionDef) -> set[str]:
    calls = (one.func for one in ast.walk(node) if isinstance(one, ast.Call))
    return {one.id for one in calls if isinstance(one, ast.Name)}


def test_the_writers_are_found() -> None:
    assert len(writers()) >= 25
    assert {"router.office.keys.revoke_key", "router.office.usage.prune_calls"} <= set(writers())
    assert {"router.office.people.signup.sign_up", "router.office.people.tickets.send_reset"} <= set(writers())


@pytest.mark.parametrize("name", [name for name in sorted(writers()) if not name.startswith("router.office.audit.")])
def test_who_writes_is_asked_for(name: str) -> None:
    module, _, function = name.rpartition(".")
    made = getattr(importlib.import_module(module), function)
    parameters = list(inspect.signature(made).parameters.values())
    assert [one.name for one in parameters[:2]] == ["office", "actor"]
    assert parameters[1].default is inspect.Parameter.empty
    assert [one.annotation for one in parameters[:2]] == ["Office", "Actor"]
