"""Who may import whom: every import, in functions and for type checkers too, goes down."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sources import Import, imports_in, modules

ROOMS = {
    "router.errors": 0,
    "router.structs": 0,
    "router.money": 0,
    "router.config.provider": 0,
    "router.types": 0,
    "router.hookspecs": 0,
    "router.retired": 0,
    "router": 0,
    "router.config": 1,
    "router.i18n": 1,
    "router.metrics": 1,
    "router.sockets": 1,
    "router.plugin_host": 1,
    "router.db": 2,
    "router.metering": 3,
    "router.jobs": 3,
    "router.store": 3,
    "router.ledger": 4,
    "router.catalogue": 4,
    "router.http_client": 5,
    "router.upstream": 5,
    "router.providers": 6,
    "router.surfaces": 7,
    "router.guarding": 8,
    "router.charging": 8,
    "router.mail": 8,
    "router.webhooks": 8,
    "router.office": 9,
    "router.calls": 9,
    "router.app": 10,
    "router.http": 11,
    "router.portal": 12,
    "router.http1": 12,
    "router.server": 12,
    "router.testing": 13,
    "router.cli": 13,
    "router.__main__": 14,
}
"""Room -> floor, bottom up. A room may import from itself and from the rooms before it."""

ORDER = list(ROOMS)
TYPE_ONLY_UPWARD = {
    ("router.hookspecs.provider", "router.upstream.compiled"),
    ("router.hookspecs.surface", "router.surfaces.surface"),
}
"""Imports that go up for a type checker's eyes alone: what a hook gives."""

FILES_MAX = 20
"""Modules of one package; the root, where a newcomer looks first, has fewer."""

ROOT_MAX = 6

FLOOR_0_THIRD_PARTIES = {"msgspec", "pluggy"}
FLOOR_0_TYPE_ONLY = {"click"}
PLUGINS_MAY_IMPORT = {"router", "router.money", "router.surfaces", "router.upstream"}
SHARED_BY_PLUGINS = "router_plugins.chains"
"""What watches chains, for ``evm`` and ``tron``: no plugin itself, and public to others as the rest of them is."""

KNOWN = modules()


def room_of(module: str) -> str:
    """``router.store.keys`` -> ``router.store``; a module that no room of the table holds is an error."""
    parts = module.split(".")
    room = next((found for n in (3, 2) if (found := ".".join(parts[:n])) in ROOMS), ".".join(parts[:2]))
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


def test_a_package_holds_what_one_can_overlook() -> None:
    counts = Counter(path.parent for path in KNOWN.values() if path.name != "__init__.py")
    limits = {path: ROOT_MAX if path.name == "router" else FILES_MAX for path in counts}
    assert {path.name: count for path, count in counts.items() if count > limits[path]} == {}


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
            allowed = target in PLUGINS_MAY_IMPORT or target.startswith((f"{own}.", own, SHARED_BY_PLUGINS))
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
        ("router.store.keys", "def f():\n    from router.calls import line", "router.store.keys (line 2)"),
        ("router.errors", "import router.types.records", "router.errors (line 1) imports router.types.records"),
        ("router.hookspecs", "from router.upstream.compiled import CompiledWire", "router.hookspecs (line 1)"),
        ("router.server.master", "from router.cli import main", "imports router.cli.main"),
        ("router.calls.line", "from router_plugins.echo import plugin", "never imports a plugin"),
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
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from router.upstream.compiled import CompiledWire\n",
        encoding="utf-8",
    )
    found = [one for one in imports_in("router.hookspecs.provider", source, KNOWN) if is_ours(one.target)]
    assert [one.type_only for one in found] == [True]
    assert offence("router.hookspecs.provider", found[0]) is None


def test_a_circle_is_named() -> None:
    assert find_circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert find_circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
