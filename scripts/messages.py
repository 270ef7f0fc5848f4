"""``make messages``: the texts that people read, from templates and code into the catalogues of every language.

New texts come in with an empty translation, which ``tests/i18n`` does not let pass; those that are gone go. Then the
catalogues are compiled, for the standard library's gettext to read them. ``--check`` changes nothing, and says what
would change or is missing. Babel, which does all this, is needed here alone.

Operators' pages are in English, as are errors of the API and what stands in the log.
"""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

__all__ = [
    "LANGUAGES",
    "compiled",
    "extracted",
    "faults",
    "main",
    "merged",
    "path_of",
    "read_catalogue",
    "refusals",
    "sources",
    "written",
]

ROOT = Path(__file__).resolve().parents[1]
LANGUAGES = ("ru", "tk")
"""English texts are the messages themselves."""

_LOCALE = ROOT / "router/i18n/locale"
_TEMPLATES = ("router/mail/templates", "router/portal/templates")
_CODE = ("router/i18n", "router/mail", "router/office/people", "router/portal")
_BESIDES = (
    *("router/office/customers/playground.py", "router/office/webhooks/asking.py"),
    *("router/office/webhooks/endpoints.py", "router/store/keys.py", "router/webhooks/sending.py"),
)
"""Other code whose refusals pages of customers show."""
_OPERATORS = re.compile(r"router/portal/(?:templates/)?operator/|router/portal/templates/layout/ops\.html")
_JINJA = {"trimmed": "true", "silent": "false"}
_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "text": None, "worded": None}
"""What is called with a text: ``text`` is a request's, ``worded`` an error's that has values."""
_ERRORS = ("BadRequest", "Conflict", "Forbidden", "NotFound", "RateLimited", "Unauthorized", "Unavailable")
_REFUSING = re.compile(r"router/office/people/(?!abuse|mailing|watching)|" + "|".join(map(re.escape, _BESIDES)))
"""Where errors are raised that pages of customers show: what these are given is a text as well."""
_HOLDERS = re.compile(r"%\(\w+\)s|%%|\{\w*\}|</?\w+")
_ENDS = (".", ":", "?", "!", "…")


class PlainCatalogue(Catalog):
    """A catalogue whose header says what gettext needs, and nothing that would differ with every run."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:  # type: ignore[override]
        return [
            ("Language", str(self.locale_identifier)),
            ("Plural-Forms", self.plural_forms),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
        ]


def sources() -> Iterator[tuple[Path, str]]:
    """The files that hold texts, and how each is read."""
    for folder in _TEMPLATES:
        yield from ((path, "jinja2") for path in sorted((ROOT / folder).rglob("*")) if path.is_file())
    for folder in _CODE:
        yield from ((path, "python") for path in sorted((ROOT / folder).rglob("*.py")))
    yield from ((ROOT / name, "python") for name in _BESIDES if (ROOT / name).exists())


def extracted() -> Catalog:
    """All texts, without translations."""
    catalogue = Catalog()
    for path, method in sources():
        name = path.relative_to(ROOT).as_posix()
        if _OPERATORS.match(name):
            continue
        options = _JINJA if method == "jinja2" else {}
        for _, message, _, context in extract_from_file(method, path, keywords=_KEYWORDS, options=options):
            catalogue.add(message, context=context)
        if _REFUSING.match(name):
            for refusal in refusals(path):
                if isinstance(refusal, ast.Constant):
                    catalogue.add(refusal.value)
    return catalogue


def refusals(path: Path) -> Iterator[ast.expr]:
    """What the errors say that a file of code makes."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _ERRORS and node.args:
            yield node.args[0]


def path_of(language: str, ending: str = "po") -> Path:
    """Where a catalogue is kept."""
    return _LOCALE / language / "LC_MESSAGES" / f"router.{ending}"


def read_catalogue(language: str) -> Catalog:
    """A catalogue as it is kept; an empty one where there is none."""
    path = path_of(language)
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def merged(language: str, texts: Catalog) -> Catalog:
    """A catalogue with exactly these texts: the translations that it has, and empty ones."""
    known = {(one.id, one.context): one for one in read_catalogue(language) if one.id}
    catalogue = PlainCatalogue(locale=language, fuzzy=False)
    for text in sorted((one for one in texts if one.id), key=lambda one: (_id_text(one), one.context or "")):
        kept = known.get((text.id, text.context))
        catalogue.add(text.id, kept.string if kept else None, context=text.context)
    return catalogue


def written(catalogue: Catalog) -> bytes:
    """A catalogue as its file holds it."""
    file = io.BytesIO()
    write_po(file, catalogue, width=120, no_location=True)
    lines = file.getvalue().decode("utf-8").splitlines()
    kept = [line for line in lines if not line.startswith("#")]  # a licence that is not ours
    return ("\n".join(kept).strip("\n") + "\n").encode("utf-8")


def compiled(language: str) -> bytes:
    """The catalogue that is kept, as gettext reads it."""
    catalogue = PlainCatalogue(locale=language, fuzzy=False)
    for message in read_catalogue(language):
        if message.id:
            catalogue.add(message.id, message.string, context=message.context, flags=message.flags)
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def faults(language: str, texts: Catalog) -> list[str]:
    """What is wrong with a catalogue: texts that it lacks or has too many, and translations that do not fit."""
    kept = {(one.id, one.context): one for one in read_catalogue(language) if one.id}
    wanted = {(one.id, one.context): one for one in texts if one.id}
    found = [f"{language}: {_id_text(wanted[key])!r} is not there" for key in wanted if key not in kept]
    found += [f"{language}: {_id_text(kept[key])!r} is used no more" for key in kept if key not in wanted]
    for key, message in kept.items():
        if key in wanted:
            found += [f"{language}: {_id_text(message)!r}: {fault}" for fault in _unfit(message)]
    file = path_of(language, "mo")
    if not file.exists() or file.read_bytes() != compiled(language):
        found.append(f"{language}: {file.name} is older than its text")
    return found


def _unfit(message: Message) -> Iterator[str]:
    """What is wrong with a translation."""
    ids = message.id if isinstance(message.id, tuple) else (message.id,)
    forms = message.string if isinstance(message.string, tuple) else (message.string,)
    if message.fuzzy or not all(forms):
        yield "no translation"
        return
    for form in forms:
        text = ids[-1]
        if sorted(_HOLDERS.findall(form)) != sorted(_HOLDERS.findall(text)):
            yield f"{form!r} has not the same placeholders and tags"
        if (form != form.strip()) != (text != text.strip()):
            yield f"{form!r} begins or ends with other blanks"
        if text.endswith(_ENDS) != form.endswith(_ENDS):
            yield f"{form!r} ends otherwise"


def _id_text(message: Message) -> str:
    return message.id[0] if isinstance(message.id, tuple) else str(message.id)


def main(arguments: list[str]) -> int:
    """Bring the catalogues up to date, or say what is wrong with them; the exit status."""
    texts = extracted()
    wrong: list[str] = []
    for language in LANGUAGES:
        if "--check" not in arguments:
            catalogue = merged(language, texts)
            path_of(language).parent.mkdir(parents=True, exist_ok=True)
            path_of(language).write_bytes(written(catalogue))
            path_of(language, "mo").write_bytes(compiled(language))
        wrong += faults(language, texts)
    print("\n".join(wrong) or f"{len(texts)} texts in {len(LANGUAGES) + 1} languages")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
