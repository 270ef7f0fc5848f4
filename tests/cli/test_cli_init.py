"""``router init``."""

from __future__ import annotations

import hashlib
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest

from router.config.file import load_settings
from router.config.operator_secret import OPERATOR_FILE

pytestmark = pytest.mark.slow


def test_files_are_the_owners_alone_and_hold_no_secret(router) -> None:
    for name in ("router.toml", "router.db", OPERATOR_FILE):
        path = router.folder / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, name
        data = path.read_bytes()
        assert router.first["api_key"].encode() not in data
        assert router.first["operator_secret"].encode() not in data
    digest = hashlib.sha256(router.first["operator_secret"].encode()).hexdigest()
    assert (router.folder / OPERATOR_FILE).read_text() == f"{digest}\n"


def test_an_existing_configuration_is_never_overwritten(router) -> None:
    before = router.config.read_bytes()
    said = router.refused("init", "--dir", str(router.folder))
    assert "exists already and is not overwritten" in said
    assert "--dir" in said
    assert router.config.read_bytes() == before


def test_a_second_set_up_keeps_the_database(router) -> None:
    router.config.unlink()
    again = router.json("init")
    assert len(router.json("accounts", "list")) == 2
    assert len(router.json("keys", "list", "--account", again["account"])) == 1


def test_of_several_at_once_one_wins(tmp_path: Path) -> None:
    import subprocess
    import sys

    command = [sys.executable, "-m", "router", "init", "--dir", str(tmp_path)]
    with ThreadPoolExecutor(3) as pool:
        runs = list(pool.map(lambda _: subprocess.run(command, capture_output=True, check=False), range(3)))
    assert sorted(run.returncode for run in runs) == [0, 1, 1]


def test_an_unknown_profile_names_the_nearest_and_leaves_nothing(bare) -> None:
    said = bare.refused("init", "--dir", str(bare.folder), "--profile", "standrad")
    assert "there is no profile 'standrad'; did you mean 'standard'?" in said
    assert list(bare.folder.iterdir()) == []


def test_a_failure_leaves_no_configuration(bare) -> None:
    said = bare.refused("init", "--dir", str(bare.folder), env={"ROUTER__DATABASE__URL": "mysql://x"})
    assert "[database] url must begin with sqlite:///" in said
    assert not bare.config.exists()
    bare.json("init", "--dir", str(bare.folder))


def test_a_folder_that_cannot_be_made_is_named(bare) -> None:
    (bare.folder / "file").write_text("")
    assert str(bare.folder / "file") in bare.refused("init", "--dir", str(bare.folder / "file" / "deeper"))


def test_the_environment_chooses_the_database(bare) -> None:
    other = bare.folder / "other.db"
    bare.json("init", "--dir", str(bare.folder), env={"ROUTER__DATABASE__URL": f"sqlite:///{other}"})
    assert other.exists()
    assert not (bare.folder / "router.db").exists()


def test_a_new_key_has_the_configured_prefix(bare) -> None:
    made = bare.json("init", "--dir", str(bare.folder), env={"ROUTER__GATEWAY__KEY_PREFIX": "gw-"})
    assert made["api_key"].startswith("gw-")


def test_the_template_shows_every_key_with_its_default(tmp_path: Path) -> None:
    template = resources.files("router.cli").joinpath("template.toml").read_text(encoding="utf-8")
    uncommented = re.sub(r"(?m)^#(?=[a-z_]+ =)", "", template)
    (tmp_path / "all.toml").write_text(uncommented)
    (tmp_path / "none.toml").write_text("")
    shown, default = (load_settings(tmp_path / name, {}) for name in ("all.toml", "none.toml"))
    assert shown.portal.enabled and not default.portal.enabled, "what was there before has no portal after an update"
    default = replace(default, portal=replace(default.portal, enabled=True))
    for section in ("server", "database", "gateway", "responses", "portal", "mail", "plugins"):
        assert getattr(shown, section) == getattr(default, section)
        for name in vars(getattr(default, section)):
            assert re.search(rf"(?m)^#?{name} = ", template) or name == "enabled", f"{section}.{name} is not explained"


@pytest.mark.parametrize("text", ["[server\n", "\x00", "port = 80\n"])
def test_a_broken_file_is_named_by_every_command(router, text: str) -> None:
    router.config.write_text(text)
    for args in (["config", "check"], ["keys", "list"], ["serve"], ["db", "status"], ["routes", "explain", "x"]):
        assert str(router.config) in router.refused(*args)


def test_the_first_credit_stands_in_the_audit_log(router) -> None:
    (entry,) = router.json("audit", "show")
    assert (entry["action"], entry["subject"], entry["detail"]["amount"]) == ("init", router.first["account"], "5")
