"""Every text that people read has its translations, whose placeholders and plural forms fit, in a fresh catalogue."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages.catalog import Catalog

ROOT = Path(__file__).resolve().parents[2]


def _messages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("messages", ROOT / "scripts/messages.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MESSAGES = _messages()
TEXTS: Catalog = MESSAGES.extracted()


def test_there_are_texts() -> None:
    assert len(TEXTS) > 70
    assert {"Confirm the address", "May (short)"} <= {one.id for one in TEXTS}


@pytest.mark.parametrize("language", MESSAGES.LANGUAGES)
def test_a_catalogue_is_whole(language: str) -> None:
    found = MESSAGES.faults(language, TEXTS)
    assert not found, "run `make messages`, and translate:\n" + "\n".join(found)


@pytest.mark.parametrize("language", MESSAGES.LANGUAGES)
def test_a_catalogue_is_as_the_script_writes_it(language: str) -> None:
    kept = MESSAGES.path_of(language).read_bytes()
    assert kept == MESSAGES.written(MESSAGES.merged(language, TEXTS)), "run `make messages`"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The script at work on a copy of the catalogues; the Russian one's file."""
    shutil.copytree(MESSAGES._LOCALE, tmp_path / "locale")
    monkeypatch.setattr(MESSAGES, "_LOCALE", tmp_path / "locale")
    return tmp_path / "locale/ru/LC_MESSAGES/router.po"


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ('msgstr "Когда"', 'msgstr ""', "'When': no translation"),
        ('msgstr[2] "%(count)s дней"', 'msgstr[2] ""', "'%(count)s day': no translation"),
        ('msgstr[1] "%(count)s дня"', 'msgstr[1] "%(number)s дня"', "not the same placeholders"),
        ('msgstr "Вам зачислено %(amount)s"', 'msgstr "Вам зачислено"', "not the same placeholders"),
        ('"Поступило %(amount)s"', '"Поступило %(amount)s."', "ends otherwise"),
        ('"Поступило %(amount)s"', '" Поступило %(amount)s"', "other blanks"),
        ('msgid "When"\n', 'msgid "Whence"\n', "'When' is not there"),
        ('msgid "When"\n', 'msgid "Whence"\n', "'Whence' is used no more"),
        ('msgstr "Когда"', 'msgstr "Когда?"', "router.mo is older than its text"),
    ],
)
def test_what_does_not_fit_is_told(elsewhere: Path, before: str, after: str, fault: str) -> None:
    text = elsewhere.read_text(encoding="utf-8")
    assert before in text
    elsewhere.write_text(text.replace(before, after), encoding="utf-8")
    assert any(fault in one for one in MESSAGES.faults("ru", TEXTS))


def test_a_merge_keeps_what_is_translated(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = elsewhere.read_text(encoding="utf-8")
    elsewhere.write_text(text.replace('msgid "When"\nmsgstr "Когда"\n', 'msgid "Gone"\nmsgstr "Ушло"\n'), "utf-8")
    texts = {one.id: one for one in MESSAGES.merged("ru", TEXTS)}
    assert texts["When"].string in (None, "") and "Gone" not in texts
    assert texts["Browser"].string == "Браузер"
    assert MESSAGES.main(["--check"]) == 1
    assert "'When' is not there" in capsys.readouterr().out


def test_operators_pages_are_in_english(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("customer", "operator"):
        folder = tmp_path / "router/portal/templates" / name
        folder.mkdir(parents=True)
        plural = f"{{% trans trimmed count=n %}}\n one\n {name}\n{{% pluralize %}}\n many\n{{% endtrans %}}"
        page = f'{{{{ _("Of {name}") }}}}{plural}'
        (folder / "page.html").write_text(page, encoding="utf-8")
        code = tmp_path / "router/portal" / name
        code.mkdir()
        (code / "page.py").write_text(f'x = _("In {name}")\n', encoding="utf-8")
    monkeypatch.setattr(MESSAGES, "ROOT", tmp_path)
    found = {one.id for one in MESSAGES.extracted() if one.id}
    assert found == {"Of customer", "In customer", ("one customer", "many")}


def test_a_template_that_cannot_be_read_stops_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "router/mail/templates"
    folder.mkdir(parents=True)
    (folder / "broken.jinja").write_text('{{ _("x" }}', encoding="utf-8")
    monkeypatch.setattr(MESSAGES, "ROOT", tmp_path)
    with pytest.raises(Exception, match="unexpected"):
        MESSAGES.extracted()
