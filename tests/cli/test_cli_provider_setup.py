"""Sections that are wrong, new sections, stored keys, and what is said of a route and of fallbacks."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from router.app.start import assemble
from router.errors import KINDS
from router.testing import ScriptedUpstream

pytestmark = pytest.mark.slow

MASTER = {"ROUTER_MASTER_KEY": "a master key of some length"}
CANARY = "sk-canary-2718"
SECTION = '\n[providers.acme]\nkind = "compatible"\nbase_url = "http://127.0.0.1:9/v1"\nmodels = ["large", "small"]\n'
PLACES = '[[providers.acme.endpoints]]\napi_key = "sk-1"\n[[providers.acme.endpoints]]\napi_key = "sk-2"\n'

# what is added to the file -> the line that is at fault, counted from there, and what is said of it
FAULTS: dict[str, tuple[int, list[str]]] = {
    f"{SECTION}{PLACES}weight = 0\n": (
        10,
        ["[[providers.acme.endpoints]] number 2: weight", "from 1 to", "removing it"],
    ),
    f"{SECTION}{PLACES}wieght = 2\n": (10, ["number 2: wieght", "did you mean 'weight'?"]),
    f"{SECTION}{PLACES}base_url = 'acme.example'\n": (10, ["number 2: base_url", "https://host/v1"]),
    f"{SECTION}endpoints = [{{ weight = 0 }}]\n": (6, ["number 1: weight", "from 1 to"]),
    f"{SECTION}base_url2 = 'x'\n": (6, ["[providers.acme] base_url2", "did you mean 'base_url'?"]),
    f"{SECTION}drop_params = ['messages']\n": (6, ["[providers.acme] drop_params", "'messages' cannot be dropped"]),
    f"{SECTION}[providers.acme.drop_params_for]\n'gpt-4.1' = ['model']\n": (7, ["gpt-4.1", "cannot be dropped"]),
    f"{SECTION}[providers.acme.timeouts_for.large]\nfirst = 3\n": (
        7,
        ["[providers.acme.timeouts_for.large] first", "'first_byte'"],
    ),
    "\n[providers.acme]\nkind = 'compatibel'\n": (3, ["[providers.acme] kind", "did you mean 'compatible'?"]),
}
LISTS: dict[str, tuple[int, list[str]]] = {
    '"acme/large" = ["acme/small"]\n"acme/small" = ["acme/large"]\n': (1, ["[fallback] acme/large", "in a circle"]),
    '"acme/small" = ["echo/echo"]\n"acme/large" = ["acme/large"]\n': (2, ["[fallback] acme/large", "in a circle"]),
    '"echo/echo" = ["acme/small"]\n"acme/gpt-4.1" = ["echo/echo"]\n': (2, ["acme/gpt-4.1", "does not exist"]),
    '"echo/echo" = ["acme/smal"]\n': (1, ["[fallback] echo/echo", "Did you mean 'acme/small'"]),
    '"acme/large" = "echo/echo"\n': (1, ["must be a list of model IDs"]),
}  # fmt: skip


def line_of(config: Path, text: str) -> int:
    return config.read_text(encoding="utf-8").partition(text)[0].count("\n")


@pytest.mark.parametrize("text", FAULTS, ids=[words[1][0] for words in FAULTS.values()])
def test_a_wrong_section_is_refused_with_its_place(router, text: str) -> None:
    router.write(text)
    line, words = FAULTS[text]
    said = router.refused("config", "check")
    assert f"{router.config}, line {line_of(router.config, text) + line}: " in said
    assert all(word in said for word in words), said
    assert "sk-" not in said


@pytest.mark.parametrize("text", LISTS)
def test_wrong_fallbacks_are_refused_with_their_place(router, text: str) -> None:
    router.config.write_text(router.config.read_text() + SECTION)
    router.config.write_text(router.config.read_text().replace("[fallback]\n", f"[fallback]\n{text}"))
    line, words = LISTS[text]
    said = router.refused("config", "check")
    assert f"{router.config}, line {line_of(router.config, text) + line}: " in said
    assert all(word in said for word in words), said
    with pytest.raises(Exception, match="line") as caught:
        assemble(router.config, {})
    assert words[-1] in str(caught.value)


def test_a_fallback_that_is_switched_off_stops_no_start(router, caplog: pytest.LogCaptureFixture) -> None:
    router.write(SECTION)
    router.json("config", "set", 'fallback."acme/large"', "acme/small")
    router.json("models", "alias", "little", "acme/small")
    with sqlite3.connect(router.folder / "router.db") as connection:
        row = ("acme/small", "", False, "override", "{}", 0)
        connection.execute(
            "INSERT INTO models (public_id, kind, enabled, source, card, created_at) VALUES (?, ?, ?, ?, ?, ?)", row
        )
    connection.close()
    assemble(router.config, {}).close()
    assert "disabled" in caplog.text
    assert "disabled" in router.refused("fallbacks", "set", "echo/echo", "little")


def test_a_provider_is_added_and_comments_stay(router) -> None:
    before = router.config.read_text()
    env = {"ACME_KEY": CANARY}
    options = ("--kind", "compatible", "--base-url", "https://acme.example/v1", "--api-key-env", "ACME_KEY")
    made = router.json("providers", "add", "acme", *options, "--model", "large", "--model", "v1.5", env=env)
    assert (made["kind"], made["active"], made["base_url"]) == ("compatible", True, "https://acme.example/v1")
    text = router.config.read_text()
    assert [line for line in before.splitlines() if line not in text.splitlines()] == []
    assert 'api_key = "env:ACME_KEY"' in text and CANARY not in text
    assert router.json("routes", "explain", "acme/v1.5", env=env)["targets"][0]["host"] == "acme.example"
    said = router.refused("providers", "add", "acme", "--kind", "openai")
    assert f"{router.config}, line " in said and "config set providers.acme" in said


def test_a_local_ollama_is_added_with_its_address(router) -> None:
    made = router.json("providers", "add", "ollama")
    assert (made["base_url"], made["active"]) == ("http://localhost:11434", True)
    made = router.json("providers", "add", "second", "--kind", "openai")
    assert made["active"] is False and "OPENAI_API_KEY" in made["state"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["acme", "--kind", "opnai"], "did you mean 'openai'?"),
        (["acme"], 'kind = "compatible"'),
        (["a/b", "--kind", "openai"], "is no name for a provider"),
        (["acme", "--kind", "compatible", "--base-url", "acme.example"], "https://host/v1"),
        (["acme", "--kind", "openai", "--api-key-env", CANARY], "never a key"),
    ],
)
def test_a_wrong_provider_is_not_added(router, args: list[str], words: str) -> None:
    before = router.config.read_text()
    said = router.refused("providers", "add", *args)
    assert words in said and CANARY not in said
    assert router.config.read_text() == before


def test_a_stored_key_is_used_and_shown_nowhere(router) -> None:
    with ScriptedUpstream(api_key=CANARY) as upstream:
        router.write(SECTION.replace("http://127.0.0.1:9/v1", upstream.url) + 'api_key = "env:ACME_KEY"\n')
        run = router("providers", "set-key", "acme", stdin=f"{CANARY}\n", env=MASTER)
        assert run.status == 0 and "SIGHUP" in run.err and "wins" not in run.err
        assert router.json("providers", "test", "acme", env=MASTER)["ok"] is True
        rows = {row["name"]: row for row in router.json("providers", "list", env=MASTER)}
        assert (rows["acme"]["active"], rows["acme"]["key"]) == (True, "database")
        wrong = {"ROUTER_MASTER_KEY": "another key of some length"}
        for env, words in ((wrong, "is not the master key"), ({}, "there is no master key")):
            rows = {row["name"]: row for row in router.json("providers", "list", env=env)}
            assert words in rows["acme"]["state"] and rows["echo"]["active"]
        shown = [
            router(*args, env=MASTER).out for args in (["config", "show"], ["doctor"], ["routes", "explain", "large"])
        ]
        assert CANARY not in run.out + run.err + "".join(shown)
        assert CANARY.encode() not in (router.folder / "router.db").read_bytes()
        router.json("providers", "set-key", "acme", "--remove")
        assert "No key is stored" in router.refused("providers", "set-key", "acme", "--remove")


def test_the_key_of_the_environment_wins_and_that_is_said(router) -> None:
    router.write(SECTION + f'api_key = "env:ACME_KEY"\n{PLACES}')
    env = {**MASTER, "ACME_KEY": "sk-environment"}
    assert "the environment (ACME_KEY)" in router("providers", "set-key", "acme", stdin=CANARY, env=env).err
    run = router("providers", "set-key", "acme", "--endpoint", "2", stdin=CANARY, env=env)
    assert f"{router.config}, line " in run.err and "number 2: api_key" in run.err
    assert "has 2 endpoint(s)" in router.refused("providers", "set-key", "acme", "--endpoint", "3", env=env)


def test_a_key_for_one_endpoint(router) -> None:
    router.write(f'{SECTION}{PLACES}[[providers.acme.endpoints]]\napi_key = "env:THIRD"\n')
    assert router("providers", "set-key", "acme", "--endpoint", "3", stdin=CANARY, env=MASTER).status == 0
    assembly = assemble(router.config, MASTER)
    keys = [place.settings.api_key.reveal() for place in assembly.providers["acme"].endpoints.places]
    assembly.close()
    assert keys == ["sk-1", "sk-2", CANARY]


@pytest.mark.parametrize(
    ("env", "stdin", "words"),
    [
        ({}, CANARY, "there is no master key"),
        ({"ROUTER_MASTER_KEY": "short"}, CANARY, "shorter than 16"),
        (MASTER, "", "That is no key"),
        (MASTER, "sk canary", "That is no key"),
        (MASTER, "sk-\x1b[31m", "That is no key"),
    ],
)
def test_what_cannot_be_stored(router, env: dict[str, str], stdin: str, words: str) -> None:
    said = router.refused("providers", "set-key", "openai", stdin=stdin, env=env)
    assert words in said
    assert CANARY not in said and "canary" not in said and "short\n" not in said


def test_explain_tells_targets_limits_and_each_failure(router) -> None:
    router.write(
        f"{SECTION}max_concurrent = 5\nfallback = ['echo/embed']\ntimeouts_for = {{ large = {{ first_byte = 3 }} }}\n"
        f"drop_params = ['seed']\n{PLACES}weight = 4\n"
    )
    router.json("fallbacks", "set", "acme/large", "acme/small", "echo/echo")
    found = router.json("routes", "explain", "acme/large")
    first, small, echo = found["targets"]
    assert [first["id"], small["id"], echo["id"]] == ["acme/large", "acme/small", "echo/echo"]
    assert (first["timeouts"]["first_byte"], first["timeouts"]["connect"]) == (3, 5)
    assert small["timeouts"]["first_byte"] is None and first["dropped_params"] == ["seed"]
    assert [(one["name"], one["weight"], one["max_concurrent"]) for one in first["endpoints"]] == [
        ("acme#1", 1, 5),
        ("acme#2", 4, 5),
    ]
    failures = {row["kind"]: row for row in found["failures"]}
    assert set(failures) == set(KINDS)
    assert failures["timeout"]["next"][:2] == ["acme/small", "echo/echo"]
    assert failures["bad_request"]["next"] == failures["context_length"]["next"][:0] == []
    text = router("routes", "explain", "acme/large").out
    assert "acme#2 (weight 4, at most 5 calls)" in text and "At most 4 upstream call(s)" in text


def test_explain_applies_the_keys_scope(router) -> None:
    router.write(SECTION)
    router.json("fallbacks", "set", "acme/large", "acme/small", "echo/echo")
    scopes = ("--scope", "acme/large", "--scope", "echo/*")
    key = router.json("keys", "create", "--account", router.first["account"], *scopes)
    targets = router.json("routes", "explain", "large", "--key", key["id"])["targets"]
    assert [target["id"] for target in targets] == ["acme/large", "echo/echo"]
    assert "may not use the model 'acme/small'" in router.refused("routes", "explain", "acme/small", "--key", key["id"])
    router.json("models", "disable", "echo/embed")
    assert "disabled" in router.refused("routes", "explain", "echo/embed")


ADVISER = """
from router import ModelCard, ProviderSettings, Secret, hookimpl
from router.upstream.compatible import CompatibleProvider


class Adviser(CompatibleProvider):
    default_base_url = "http://127.0.0.1:9/v1"
    cards = (ModelCard("wise"), ModelCard("vector", kind="embeddings"))

    @hookimpl
    def fallback(self, call, error, context):
        if error.kind == "overloaded":
            raise LookupError("words of its own")
        if error.kind == "timeout":
            return 5
        return [f"{call.body['model']}-not-there", "echo/embed", "adviser/wise", "echo/echo", "echo/echo"]


plugin = Adviser()
"""


def test_explain_asks_the_fallback_hook(router, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = tmp_path / "site" / "adviser_plugin-1.0.dist-info"
    metadata.mkdir(parents=True)
    metadata.with_name("adviser_plugin.py").write_text(ADVISER)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: adviser-plugin\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[router]\nadviser = adviser_plugin:plugin\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    router.write('[providers.adviser]\napi_key = "sk-x"\n')

    def following(model: str) -> dict[str, list[str]]:
        return {row["kind"]: row["next"] for row in router.json("routes", "explain", model)["failures"]}

    chat = following("adviser/wise")
    assert chat["connection"] == ["echo/echo"] and chat["bad_request"] == []
    assert chat["overloaded"] == ["(the fallback hook of adviser fails: LookupError)"]
    assert chat["timeout"] == ["(the fallback hook of adviser fails: TypeError)"]
    assert following("adviser/vector")["connection"] == ["echo/embed"]


def test_explain_leaves_out_what_does_not_offer_the_call(router) -> None:
    router.json("fallbacks", "set", "echo/echo", "echo/embed")
    found = router.json("routes", "explain", "echo/echo")
    assert [target["state"] for target in found["targets"]] == ["active", "skipped: it does not offer chat"]
    assert {tuple(row["next"]) for row in found["failures"]} == {()}


def test_fallbacks_are_kept_under_the_public_id(router) -> None:
    router.write(SECTION)
    router.json("models", "alias", "big", "acme/large")
    assert router.json("fallbacks", "set", "large", "echo/echo")["model"] == "acme/large"
    assert router.json("fallbacks", "set", "big", "acme/small")["model"] == "big"
    assert "in a circle" in router.refused("fallbacks", "set", "echo/echo", "big")
    assert "in a circle" in router.refused("fallbacks", "set", "acme/small", "big")
    router.json("config", "set", 'fallback."echo/embed"', "acme/small")
    rows = {row["model"]: row for row in router.json("fallbacks", "list")}
    assert rows["echo/embed"]["where"].startswith(f"{router.config}, line ")
    assert (rows["big"]["source"], rows["big"]["where"]) == ("operator", "the database")
    assert f"{router.config}, line " in router.refused("fallbacks", "set", "embed", "echo/echo")


def test_the_examples_of_the_routing_page_are_right(router) -> None:
    page = (Path(__file__).parents[2] / "docs" / "routing.md").read_text(encoding="utf-8")
    fallback, *sections = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    router.write("\n".join(["", *sections]))
    router.config.write_text(router.config.read_text().replace("[fallback]\n", fallback))
    env = dict.fromkeys(("OPENAI_API_KEY", "ACME_API_KEY", "FLEET_EAST_KEY", "FLEET_WEST_KEY"), CANARY)
    assert {"acme", "fleet"} <= set(router.json("config", "check", env=env)["active_providers"])
    assert len(router.json("routes", "explain", "fleet/large", env=env)["targets"][0]["endpoints"]) == 2
