"""What a module offers is what its ``__all__`` says: there, sorted, complete."""

from __future__ import annotations

import ast
import importlib

import pytest
from sources import is_private, modules

import router

MODULES = {name: path for name, path in modules().items() if not is_private(name)}


def exported(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return list(ast.literal_eval(node.value))
    return None


def defined(tree: ast.Module) -> set[str]:
    """Public functions and classes that the module itself defines, but for what a click group or a suite holds."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    found = (node for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_"))
    return {node.name for node in found if not any(map(_is_held, node.decorator_list))}


def _is_held(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith((".command", ".group", ".rule"))


@pytest.mark.parametrize("name", sorted(MODULES))
def test_all_is_there_sorted_and_complete(name: str) -> None:
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    names = exported(tree)
    if names is None and not [node for node in tree.body if not isinstance(node, ast.Expr)]:
        return  # an empty module, or a docstring alone
    assert names is not None, f"{name} has no __all__"
    assert names == sorted(names, key=_isort), f"{name}.__all__ is not sorted: {sorted(names, key=_isort)}"
    if not name.startswith("router_plugins."):
        missing = defined(tree) - set(names)
        assert not missing, f"{name} has public names that its __all__ lacks (or that want an underscore): {missing}"


def _isort(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest: the order that ruff keeps."""
    return (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2, name)


@pytest.mark.parametrize("name", router.__all__)
def test_what_router_exports_is_documented(name: str) -> None:
    value = getattr(router, name)
    if name not in ("__version__", "hookimpl"):
        assert (value.__doc__ or "").strip(), f"router.{name} has no docstring"


def test_every_name_of_floor_0_is_there() -> None:
    for module in ("router", "router.dialect", "router.errors", "router.hookspecs", "router.money", "router.types"):
        found = importlib.import_module(module)
        assert [name for name in found.__all__ if not hasattr(found, name)] == []
