"""Who may import whom: every import, in functions and for type checkers too, goes down."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sources import Import, imports_in, modules

ROOMS = {
    "router.structs": 0,
    "router.errors": 0,
    "router.usage": 0,
    "router.money": 0,
    "router.hours": 0,
    "router.prices": 0,
    "router.keys": 0,
    "router.tariff": 0,
    "router.masking": 0,
    "router.settings": 0,
    "router.rules": 0,
    "router.types": 0,
    "router.claims": 0,
    "router.calendars": 0,
    "router.offers": 0,
    "router.dialect": 0,
    "router.hookspecs": 0,
    "router": 0,
    "router.waits": 1,
    "router.records": 1,
    "router.sections": 1,
    "router.config": 1,
    "router.binding": 1,
    "router.registry": 1,
    "router.store": 2,
    "router.ledger": 3,
    "router.catalogue": 3,
    "router.upstream": 3,
    "router.gateway": 4,
    "router.http": 5,
    "router.server": 6,
    "router.testing": 6,
    "router.cli": 6,
    "router.__main__": 7,
}
"""Room -> floor, bottom up. A room may import from itself and from the rooms before it."""

ORDER = list(ROOMS)
TYPE_ONLY_UPWARD = {
    ("router.types", "router.upstream.transport"),
    ("router.hookspecs", "router.upstream.compiled"),
}
"""Imports that go up for a type checker's eyes alone: what a hook receives in ``CallContext``, and what one gives."""

FLOOR_0_THIRD_PARTIES = {"msgspec", "pluggy"}
FLOOR_0_TYPE_ONLY = {"click"}
PLUGINS_MAY_IMPORT = {"router", "router.ledger", "router.upstream"} | {room for room in ORDER if ROOMS[room] == 0}

KNOWN = modules()


def room_of(module: str) -> str:
    """``router.store.keys`` -> ``router.store``; a module that no room of the table holds is an error."""
    parts = module.split(".")
    room = ".".join(parts[:2])
    assert room in ROOMS, f"{module} stands on no floor: give it a place in ROOMS (and in docs/design.md)"
    return room


def host_edges() -> Iterator[tuple[str, Import]]:
    for module, path in KNOWN.items():
        if module.partition(".")[0] == "router":
            for found in imports_in(module, path, KNOWN):
                yield module, found


def is_ours(target: str) -> bool:
    return target.partition(".")[0] in ("router", "router_plugins")


def offence(module: str, found: Import) -> str | None:
    """Why an edge between two of our modules is not allowed; None if it is."""
    edge = f"{module} (line {found.line}) imports {found.target}"
    if found.target.partition(".")[0] == "router_plugins":
        return f"{edge}: the host never imports a plugin"
    here, there = room_of(module), room_of(found.target)
    if here == there or ORDER.index(there) < ORDER.index(here):
        return None
    if found.type_only and (module, found.target) in TYPE_ONLY_UPWARD:
        return None
    return f"{edge}: floor {ROOMS[here]} ({here}) stands below or before floor {ROOMS[there]} ({there})"


def test_imports_go_down() -> None:
    offences = [offence(module, found) for module, found in host_edges() if is_ours(found.target)]
    assert not any(offences), "\n".join(filter(None, offences))


def test_no_circle_between_modules() -> None:
    graph: dict[str, set[str]] = {module: set() for module in KNOWN}
    for module, found in host_edges():
        if found.target in KNOWN and (module, found.target) not in TYPE_ONLY_UPWARD and found.target != module:
            graph[module].add(found.target)
    circle = find_circle(graph)
    assert not circle, f"modules import each other in a circle: {' -> '.join(circle)}"


def find_circle(graph: dict[str, set[str]]) -> list[str]:
    """The modules of one circle, the first one repeated at the end; empty when there is none."""
    done: set[str] = set()

    def visit(module: str, path: list[str]) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        for target in sorted(graph[module]):
            circle = visit(target, [*path, module])
            if circle:
                return circle
        done.add(module)
        return []

    return next((circle for module in graph if (circle := visit(module, []))), [])


def test_plugins_import_the_public_floors_and_third_parties_alone() -> None:
    offences = []
    for module, path in KNOWN.items():
        if not module.startswith("router_plugins."):
            continue
        own = ".".join(module.split(".")[:2])
        for found in imports_in(module, path, KNOWN):
            target = found.target
            allowed = ".".join(target.split(".")[:2]) in PLUGINS_MAY_IMPORT or target.startswith((f"{own}.", own))
            if target.partition(".")[0] == "plugins" or (is_ours(target) and not allowed):
                offences.append(f"{module} (line {found.line}) imports {target}: not a plugin's to import")
    assert not offences, "\n".join(offences)


def test_floor_0_needs_nothing_but_pluggy_and_msgspec() -> None:
    offences = []
    for module, found in host_edges():
        top = found.target.partition(".")[0]
        if ROOMS[room_of(module)] or is_ours(found.target) or top in sys.stdlib_module_names:
            continue
        if top not in FLOOR_0_THIRD_PARTIES | (FLOOR_0_TYPE_ONLY if found.type_only else set()):
            offences.append(f"{module} (line {found.line}) imports {top}: keep this floor light")
    assert not offences, "\n".join(offences)


@pytest.mark.parametrize(
    ("module", "line", "blamed"),
    [
        ("router.store.keys", "def f():\n    from router.gateway import line", "router.store.keys (line 2)"),
        ("router.errors", "import router.types", "router.errors (line 1) imports router.types"),
        ("router.types", "from router.upstream.transport import Transport", "router.types (line 1)"),
        ("router.server.master", "from router.cli import main", "imports router.cli.main"),
        ("router.gateway.line", "from router_plugins.echo import plugin", "never imports a plugin"),
        ("router.store.keys", "from ..http import app", "imports router.http.app"),
    ],
)
def test_an_edge_that_goes_up_is_named(tmp_path: Path, module: str, line: str, blamed: str) -> None:
    source = tmp_path / "module.py"
    source.write_text(line, encoding="utf-8")
    offences = [offence(module, found) for found in imports_in(module, source, KNOWN)]
    assert any(blamed in (one or "") for one in offences), offences


def test_an_allowed_upward_import_is_for_type_checkers_alone(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from router.upstream.transport import Transport\n",
        encoding="utf-8",
    )
    found = [one for one in imports_in("router.types", source, KNOWN) if is_ours(one.target)]
    assert [one.type_only for one in found] == [True]
    assert offence("router.types", found[0]) is None


def test_a_circle_is_named() -> None:
    assert find_circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert find_circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
