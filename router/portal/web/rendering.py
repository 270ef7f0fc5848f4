"""Templates: one environment a language, whose texts and figures it writes. Nothing is rendered that is not escaped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from router.i18n.language import CODES, Language, language_of
from router.money.amounts import format_nano
from router.portal.web.brand import Brand
from router.portal.web.charts import bar_chart

__all__ = ["STATIC", "Renderer", "static_version"]

HERE = Path(__file__).resolve().parents[1]
STATIC = HERE / "static"
"""The folder of what browsers load besides pages."""

_SECONDS = 1000


class Renderer:
    """Renders the portal's templates.

    Args:
        brand: what templates call ``brand``.
        plugins_folder: where plugins' frames are; none of ours.
    """

    def __init__(self, brand: Brand) -> None:
        self._brand = brand

    def render(self, template: str, language: Language, values: Mapping[str, Any]) -> str:
        """A template's text."""
        return _environment(language.code).get_template(template).render({**values, "brand": self._brand})


@cache
def static_version(name: str) -> str:
    """What changes when a file does, so that browsers may keep it for good."""
    return hashlib.sha256(STATIC.joinpath(name).read_bytes()).hexdigest()[:12]


@lru_cache(maxsize=8)
def _environment(code: str) -> Environment:
    language = language_of(code)
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_callables(language.gettext, language.ngettext, newstyle=True)  # type: ignore[attr-defined]
    made.filters |= {
        "money": language.money,
        "amount": language.amount,
        "minor": language.minor,
        "price": language.price,
        "exact": format_nano,
        "number": language.number,
        "day": language.day,
        "moment": language.moment,
        "utc": _utc,
        "tr": language.translated,
        "duration": lambda ms: _duration(language, ms),
        "json": lambda value: json.dumps(value, indent=2, ensure_ascii=False),
    }
    made.globals |= {
        "language": language,
        "languages": [language_of(one) for one in CODES],
        "static": lambda name: f"/app/static/{name}?v={static_version(name)}",
        "bar_chart": bar_chart,
    }
    return made


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _duration(language: Language, milliseconds: float) -> str:
    """A duration as people read it: ``850 ms``, ``1.4 s``, ``2 min 5 s``."""
    if milliseconds < _SECONDS:
        return f"{round(milliseconds)}\u00a0ms"
    if milliseconds < 60 * _SECONDS:
        return f"{milliseconds / _SECONDS:.1f}".replace(".", language.decimal) + "\u00a0s"
    minutes, seconds = divmod(round(milliseconds / _SECONDS), 60)
    return f"{minutes}\u00a0min {seconds}\u00a0s"
