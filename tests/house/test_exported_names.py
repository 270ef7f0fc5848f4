"""What a module offers is what its ``__all__`` says: there, sorted, complete."""

from __future__ import annotations

import ast
import importlib

import pytest
from sources import is_private, modules

import router

pytestmark = pytest.mark.slow

MODULES = {name: path for name, path in modules().items() if not is_private(name)}


_HOLDERS = (".command", ".group", ".rule", "PAGES.get", "PAGES.post", "action")


def exported(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return list(ast.literal_eval(node.value))
    return None


def defined(tree: ast.Module) -> set[str]:
    """Public functions and classes that the module itself defines, but for what a click group, a suite or a list of
    pages holds.
    """
    kinds = (ast.FunctionDef, ast.ClassDef)
    found = (node for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_"))
    return {node.name for node in found if not any(map(_is_held, node.decorator_list))}


def _is_held(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith(_HOLDERS)


def fault(name: str, tree: ast.Module) -> str:
    """What is wrong with a module's ``__all__``; empty if nothing is."""
    names = exported(tree)
    if names is None:
        alone = all(isinstance(node, ast.Expr) for node in tree.body)  # an empty module, or a docstring alone
        return "" if alone else f"{name} has no __all__"
    if names != sorted(names, key=_isort):
        return f"{name}.__all__ is not sorted: {sorted(names, key=_isort)}"
    missing = defined(tree) - set(names)
    if missing and not name.startswith("router_plugins."):
        return f"{name} has public names that its __all__ lacks (or that want an underscore): {missing}"
    return ""


def test_all_is_there_sorted_and_complete() -> None:
    faults = [fault(name, ast.parse(path.read_text(encoding="utf-8"))) for name, path in sorted(MODULES.items())]
    assert len(faults) > 200 and not any(faults), "\n".join(filter(None, faults))


def test_no_two_public_classes_share_a_name() -> None:
    where: dict[str, list[str]] = {}
    for module, path in MODULES.items():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name[0] != "_" and module.startswith("router."):
                where.setdefault(node.name, []).append(module)
    assert {name: found for name, found in where.items() if len(found) > 1} == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1", "no __all__"),
        ("__all__ = ['b', 'a']", "not sorted"),
        ("__all__ = []\ndef f(): ...", "lacks"),
    ],
)
def test_a_fault_is_told(text: str, told: str) -> None:
    assert told in fault("router.x", ast.parse(text))


def _isort(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest: the order that ruff keeps."""
    return (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2, name)


def test_what_router_exports_is_documented() -> None:
    values = {name: getattr(router, name) for name in router.__all__ if name not in ("__version__", "hookimpl")}
    assert [name for name, value in values.items() if not (value.__doc__ or "").strip()] == []


def test_every_name_of_floor_0_is_there() -> None:
    for module in (
        "router",
        "router.types.dialect",
        "router.errors",
        "router.hookspecs",
        "router.money.amounts",
        "router.types.records",
    ):
        found = importlib.import_module(module)
        assert [name for name in found.__all__ if not hasattr(found, name)] == []
