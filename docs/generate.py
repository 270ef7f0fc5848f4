"""Writes the pages that follow from code and tests: ``hooks.md``, ``configuration.md``, ``cli.md``, ``profiles.md``,
and the tables of ``providers.md``, ``surfaces.md`` and ``monitoring.md``.

``python docs/generate.py`` writes them, ``--check`` only says which are out of date (exit status 1). Both refuse a
requirement of ``rows.toml`` that is delivered and that no test proves.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import inspect
import re
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from router.config.guards import GuardSettings, GuardsSettings
from router.config.line import AuthenticationSettings, CacheSettings, RoutingSettings
from router.config.metrics import MetricsSettings
from router.config.provider import ProviderSettings, Secret
from router.config.schema import (
    BillingSettings,
    DatabaseSettings,
    GatewaySettings,
    LimitsSettings,
    PluginsSettings,
    ResponsesSettings,
    ServerSettings,
)
from router.config.webhooks import WebhooksSettings
from router.hookspecs import ROLES

__all__ = ["main", "pages", "row_faults"]

FOLDER = Path(__file__).parent
_CONFORMANCE = "<!-- Below this line: written by `make docs` from docs/conformance.json. -->\n"
_GENERATED = "<!-- Written by `make docs` from {source}. Edit that, not this page. -->\n"


def main(arguments: list[str]) -> int:
    """Write the pages, or with ``--check`` compare them; the exit status."""
    unproved = row_faults()
    for fault in unproved:
        print(fault, file=sys.stderr)
    stale = [name for name, text in pages().items() if _current(name) != text]
    if "--check" in arguments:
        for name in stale:
            print(f"docs/{name} does not fit the code any more: run `make docs`", file=sys.stderr)
        return 1 if stale or unproved else 0
    for name in stale:
        (FOLDER / name).write_text(pages()[name], encoding="utf-8")
        print(f"wrote docs/{name}")
    return 1 if unproved else 0


def pages() -> dict[str, str]:
    """File name -> what it should hold."""
    found = {"hooks.md": _hooks_page(), "configuration.md": _configuration_page()}
    if importlib.util.find_spec("router.cli.reference") is not None:
        reference = importlib.import_module("router.cli.reference")
        found["cli.md"] = reference.render()
    found["providers.md"] = _providers_page()
    page = _profiles_page()
    source = _GENERATED.format(source="docs/rows.toml and the tests' row markers")
    found["monitoring.md"] = _beside("monitoring_page").render(_current("monitoring.md"))
    found["surfaces.md"] = _beside("surfaces_page").render(_current("surfaces.md"))
    found["profiles.md"] = source + "\n" + page.render(page.rows(), page.proofs())
    return found


def row_faults() -> list[str]:
    """Requirements without a test, and tests of requirements that do not exist."""
    page = _profiles_page()
    return list(page.faults(page.rows(), page.proofs()))


def _profiles_page() -> Any:
    return _beside("profiles_page")


def _providers_page() -> str:
    """The page as it is, with new tables below its mark."""
    above, mark, _ = _current("providers.md").partition(_CONFORMANCE)
    return above + mark + "\n" + _beside("conformance").tables()


def _beside(name: str) -> Any:
    """A module beside this one, also where this one is loaded by its path."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _current(name: str) -> str:
    path = FOLDER / name
    return path.read_text(encoding="utf-8") if path.exists() else ""


# Hooks.


def _hooks_page() -> str:
    return "\n".join([_GENERATED.format(source="router/hookspecs"), *_hooks_lines()]).rstrip() + "\n"


def _hooks_lines() -> Iterator[str]:
    module = inspect.getmodule(next(iter(ROLES.values())))
    yield "# Hooks\n"
    yield _markdown(module.__doc__ or "") + "\n"
    yield "| hook | role | result | called |\n| --- | --- | --- | --- |"
    for role, specs in ROLES.items():
        for name, hook in _hooks_of(specs):
            result = _annotation(inspect.signature(hook).return_annotation)
            yield f"| [`{name}`](#{name}) | {role} | `{result}` | {_called(hook)} |"
    for role, specs in ROLES.items():
        yield f"\n## Role: {role}\n\n{_markdown(specs.__doc__ or '')}"
        for name, hook in _hooks_of(specs):
            yield f"\n### {name}\n\n```python\n{_signature(name, hook)}\n```\n"
            yield _markdown(inspect.getdoc(hook) or "")


def _hooks_of(specs: type) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in vars(specs).items() if not name.startswith("_")]


def _called(hook: Any) -> str:
    match = re.search(r"Called:\s*(\w+)", inspect.getdoc(hook) or "")
    if match is None:
        raise SystemExit(f"hook {hook.__name__}: its docstring lacks 'Called:'")
    return match.group(1)


def _signature(name: str, hook: Any) -> str:
    signature = inspect.signature(hook)
    arguments = [
        f"{argument.name}: {_annotation(argument.annotation)}"
        for argument in signature.parameters.values()
        if argument.name != "self"
    ]
    return f"def {name}({', '.join(arguments)}) -> {_annotation(signature.return_annotation)}"


def _annotation(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))


# Settings.

_SECTIONS: Mapping[str, type] = {
    "server": ServerSettings,
    "database": DatabaseSettings,
    "gateway": GatewaySettings,
    "billing": BillingSettings,
    "limits": LimitsSettings,
    "responses": ResponsesSettings,
    "webhooks": WebhooksSettings,
    "metrics": MetricsSettings,
    "routing": RoutingSettings,
    "cache": CacheSettings,
    "authentication": AuthenticationSettings,
    "plugins": PluginsSettings,
    "guards": GuardsSettings,
    "guards.NAME": GuardSettings,
    "providers.NAME": ProviderSettings,
}
_CONFIGURATION = """\
# Configuration

One file, `router.toml`, written by `router init`. Every key may be overridden by an environment variable named
`ROUTER__SECTION__KEY`: `ROUTER__SERVER__PORT=9000` is `port` in `[server]`; lists are separated by commas. A secret is
written as `"env:NAME"`, which reads the variable `NAME`. An unknown key or a bad value is refused at the start, with
the file, the line and the nearest right one. `SIGHUP` reads the file again; a bad one is refused, and the old one stays
in force.
"""
_ALIASES = """
## `[aliases]`

Other names for models: `"fast" = "openai/gpt-4o-mini"`. An alias is accepted wherever a model ID is.

## `[fallback]`

Models to try next, best first, when a call fails before any output:
`"openai/gpt-4o" = ["acme/large", "openai/gpt-4o-mini"]`. See [routing](routing.md), also for endpoints.

## `[plugins.NAME]`

The settings of a plugin that is not a provider, as its `settings` hook declares them. A plugin receives its own
section only.
"""


def _configuration_page() -> str:
    parts = [
        _GENERATED.format(source="the dataclasses in router/config/schema.py and router/config/provider.py"),
        _CONFIGURATION,
    ]
    for section, record in _SECTIONS.items():
        parts.append(f"\n## `[{section}]`\n\n{_summary(record)}\n\n{_table(record)}")
        for key, inner in _tables_in(record):
            parts.append(f"\n### `{key}`\n\n{_summary(inner)}\n\n{_table(inner)}")
    return "".join([*parts, _ALIASES])


def _tables_in(record: type) -> Iterator[tuple[str, type]]:
    """The keys whose values are records, or lists or tables of records."""
    for key, hint in typing.get_type_hints(record).items():
        arguments = typing.get_args(hint)
        inner = arguments[0 if typing.get_origin(hint) is tuple else -1] if arguments else hint
        if isinstance(inner, type) and dataclasses.is_dataclass(inner):
            yield key, inner


def _table(record: type) -> str:
    hints = typing.get_type_hints(record)
    meanings = _attributes(record)
    lines = ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
    for field in dataclasses.fields(record):
        if field.name not in meanings:
            raise SystemExit(f"{record.__name__}.{field.name}: its class's docstring has no line for it")
        kind = _kind(hints[field.name], field.metadata)
        lines.append(f"| `{field.name}` | {kind} | {_default(field)} | {meanings[field.name]} |")
    return "\n".join(lines) + "\n"


def _kind(hint: Any, limits: Mapping[str, Any]) -> str:
    if "one_of" in limits:
        return " or ".join(f"`{_toml(value)}`" for value in limits["one_of"])
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        hint = next(inner for inner in typing.get_args(hint) if inner is not type(None))
    words = {str: "text", int: "whole number", float: "number", bool: "true or false", Secret: "secret"}
    if hint in words:
        between = f", {limits['min']} to {limits['max']}" if "max" in limits else ""
        return words[hint] + between
    if typing.get_origin(hint) is tuple:
        return "list of texts" if typing.get_args(hint)[0] is str else "list of tables"
    return "table"


def _default(field: dataclasses.Field[Any]) -> str:
    value = field.default_factory() if field.default is dataclasses.MISSING else field.default  # type: ignore[misc]
    if isinstance(value, Secret):
        value = value.reveal()
    if value is None or value in ("", {}) or dataclasses.is_dataclass(value):
        return "-"
    return f"`{_toml(value)}`"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _summary(record: type) -> str:
    return _markdown((inspect.getdoc(record) or "").split("\n\nAttributes:")[0])


def _attributes(record: type) -> dict[str, str]:
    """Field -> its line in the docstrings' ``Attributes``, those of base classes included."""
    found: dict[str, str] = {}
    for kind in reversed(record.__mro__):
        for names, meaning in re.findall(
            r"^    (\w[\w, ]*): (.+(?:\n {8}.+)*)", inspect.cleandoc(kind.__doc__ or ""), re.MULTILINE
        ):
            found |= dict.fromkeys(names.split(", "), _markdown(" ".join(meaning.split())))
    return found


def _markdown(docstring: str) -> str:
    """A docstring's text as Markdown: code marks, and sections such as ``Args:`` as lists."""
    text = inspect.cleandoc(docstring).replace("``", "`")
    text = re.sub(r"\s*Called: (.*?)\.? Since: (\d[\d.]*)\.", r"\n\n*Called: \1. Since \2.*", text, flags=re.DOTALL)
    lines = text.splitlines()
    out: list[str] = []
    inside = False
    for line in lines:
        heading = re.fullmatch(r"(Args|Raises|Returns):", line)
        if heading:
            inside = True
            out += [f"**{heading.group(1)}**", ""]
        elif inside and re.match(r" {4}\S", line):
            name, _, rest = line.strip().partition(": ")
            out.append(f"- `{name}`: {rest}")
        elif inside and line.startswith(" " * 8):
            out.append(f"  {line.strip()}")
        else:
            inside = inside and not line
            out.append(line)
    return "\n".join(out)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
