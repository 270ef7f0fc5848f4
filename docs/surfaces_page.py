"""The tables of ``surfaces.md``: what becomes of each field of a wire that clients speak, from the tables in the code.

A table stands between ``<!-- NAME: ... -->`` and ``<!-- end of NAME -->``; all else on the page is written by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence

from router.surfaces.messages.ladder import BLOCKS, FIELDS, TOOLS, UNKNOWN, Rung, Way
from router.surfaces.responses.fields import LADDER

__all__ = ["TABLES", "render"]

_PLACE = re.compile(r"(<!-- (?P<name>[a-z-]+): [^\n]*-->\n).*?(<!-- end of (?P=name) -->)", re.DOTALL)


def render(page: str) -> str:
    """The page with its tables as the code has them.

    Raises:
        KeyError: it names a table that there is not.
    """
    return _PLACE.sub(lambda found: found[1] + TABLES[found["name"]]() + found[3], page)


def _messages(rules: Mapping[str, Rung], head: str) -> str:
    rows = [f"| {head} | translated | native |", "| --- | --- | --- |"]
    rows += [f"| `{rule.name}` | {_translated(rule)} | {_native(rule)} |" for rule in rules.values()]
    return "\n".join(rows) + "\n"


def _fields() -> str:
    shown = _messages({**FIELDS, UNKNOWN.name: UNKNOWN}, "field")
    return shown.replace(f"`{UNKNOWN.name}`", UNKNOWN.name)


def _translated(rule: Rung) -> str:
    said = rule.translated.value
    if rule.translated is Way.TRANSLATED and rule.into:
        said = rule.into
    elif rule.into:
        said = f"{said}; {rule.into}"
    if rule.translated is Way.REFUSED:
        said += _harmless(rule)
    return said


def _native(rule: Rung) -> str:
    if rule.native is Way.TRANSLATED:
        return "as translated" if rule.name != "model" else "translated"
    said = rule.native.value
    return said + _harmless(rule) if rule.native in (Way.REFUSED, Way.UNPRICED) else said


def _harmless(rule: Rung) -> str:
    values = ", ".join(f"`{json.dumps(value)}`" for value in rule.harmless)
    return f", but for {values}" if values else ""


_WAYS = {"pass": "", "translate": "", "drop": "dropped: "}


def _responses() -> str:
    """Both lanes' rows: what is refused is refused in both, for nobody knows at the door where a call goes."""
    rows = ["| field | translated | native |", "| --- | --- | --- |"]
    for rung in LADDER:
        said = (
            f"{_WAYS[rung.rung]}{rung.note}" if rung.rung != "refuse" else f"400{_but_for(rung.harmless)}: {rung.note}"
        )
        native = "400" if rung.rung == "refuse" else _OWN.get(rung.name, "passed on" if rung.native else "dropped")
        rows.append(f"| `{rung.name}` | {said} | {native} |")
    return "\n".join([*rows, "| any other | passed on | passed on |"]) + "\n"


def _but_for(values: Sequence[object]) -> str:
    shown = ", ".join(f"`{json.dumps(value)}`" for value in values)
    return f" but for {shown}" if shown else ""


_OWN = {
    "model": "the provider's own name",
    "store": "false: all customers share the provider's account",
    "previous_response_id": "as translated: it reaches no provider",
    "input": "passed on, with what is kept put in and without reasoning that the provider cannot read",
    "max_output_tokens": "the gateway's cap",
    "user": "as translated",
    "safety_identifier": "as translated",
    "prompt_cache_key": "as translated",
    "include": "passed on; `reasoning.encrypted_content` besides where `reasoning` is asked for",
}
"""Field -> what the native lane does with it, where that is neither to pass it on nor to drop it."""

TABLES: Mapping[str, Callable[[], str]] = {
    "messages-fields": _fields,
    "messages-tools": lambda: _messages(TOOLS, "`type` of a tool"),
    "responses-fields": _responses,
    "messages-blocks": lambda: _messages(BLOCKS, "`type` of a block"),
}
"""Name -> the table."""
