"""What an error says, kept in parts, so that a page can say it in its reader's language."""

from __future__ import annotations

__all__ = ["Worded", "worded"]


class Worded(str):
    """A text in English that remembers what it was made of.

    Attributes:
        template: the text before its values stood in it, as the catalogues of languages have it.
        values: what stands for its ``%(names)s``.
    """

    __slots__ = ("template", "values")

    template: str
    values: dict[str, object]


def worded(template: str, **values: object) -> Worded:
    """A text with values in it: ``worded("At least %(count)s characters.", count=15)``."""
    made = Worded(template % values)
    made.template, made.values = template, values
    return made
