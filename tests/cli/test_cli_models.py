"""``router models`` and ``router routes``: the catalogue as operators change it."""

from __future__ import annotations

import time
from contextlib import closing

import pytest

from router.jobs.workers import leave, register
from router.store.opening import open_database

pytestmark = pytest.mark.slow

ACME = '[providers.acme]\nkind = "compatible"\nbase_url = "http://127.0.0.1:9/v1"\nmodels = ["large"]\n'


def ids(router) -> dict[str, dict[str, object]]:
    return {row["id"]: row for row in router.json("models", "list")}


def test_list_and_show(router) -> None:
    rows = ids(router)
    assert rows["echo/echo"]["provider"] == "echo"
    assert rows["echo/embed"]["kind"] == "embeddings"
    shown = router.json("models", "show", "echo/echo")
    assert shown["enabled"] is True
    assert shown["context_window"] == 128_000
    assert "echo/embed" in router("models", "list").out
    assert router.json("models", "list", "--provider", "openai") == []


def test_an_own_model_comes_and_is_switched(router) -> None:
    router.json("models", "add", "house/small", "--provider", "echo", "--model", "echo")
    assert ids(router)["house/small"]["source"] == "operator"
    assert router.json("routes", "explain", "house/small")["targets"][0]["model"] == "echo"

    assert router.json("models", "disable", "house/small") == {"id": "house/small", "enabled": False}
    assert ids(router)["house/small"]["enabled"] is False
    assert "disabled" in router.refused("routes", "explain", "house/small")
    router.json("models", "enable", "house/small")
    router.json("routes", "explain", "house/small")


def test_a_plugins_model_is_switched(router) -> None:
    router.json("models", "disable", "echo/echo")
    row = ids(router)["echo/echo"]
    assert (row["enabled"], row["provider"], row["model"]) == (False, "echo", "echo")
    router.json("models", "enable", "echo/echo")
    assert ids(router)["echo/echo"]["enabled"] is True


def test_an_id_is_given_another_meaning_only_on_request(router) -> None:
    router.json("models", "add", "m", "--provider", "echo", "--model", "echo")
    assert "give --replace" in router.refused("models", "add", "m", "--provider", "echo", "--model", "other")
    router.json("models", "add", "m", "--provider", "echo", "--model", "embed", "--kind", "embeddings", "--replace")
    assert ids(router)["m"]["kind"] == "embeddings"


def test_a_model_of_an_idle_provider_is_added_with_a_warning(router) -> None:
    run = router("models", "add", "m", "--provider", "openai", "--model", "gpt-4o")
    assert run.status == 0
    assert "provider openai cannot serve yet: set the environment variable OPENAI_API_KEY" in run.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["add", "m", "--provider", "eco", "--model", "echo"], "There is no provider 'eco'; did you mean 'echo'?"),
        (["add", " ", "--provider", "echo", "--model", "echo"], "A model ID must have 1 to 200 characters"),
        (["list", "--provider", "eco"], "did you mean 'echo'?"),
        (["show", "echo/ecco"], "Did you mean 'echo/echo'"),
        (["disable", "echo/ecco"], "Did you mean 'echo/echo'"),
        (["enable", "nothing-like-it"], "does not exist"),
        (["alias", "fast", "echo/ecco"], "Did you mean 'echo/echo'"),
        (["alias", "echo/echo", "echo/embed"], "is a model itself, which wins over an alias"),
        (["alias", "self", "self"], "in a circle: self -> self"),
        (["alias", "nothing", "--remove"], "There is no alias 'nothing'"),
        (["alias", " ", "echo/echo"], "An alias must have 1 to 200 characters"),
    ],
)
def test_mistakes_are_answered_with_the_nearest(router, args: list[str], said: str) -> None:
    before = ids(router)
    assert said in router.refused("models", *args)
    assert ids(router) == before


def test_aliases(router) -> None:
    router.json("models", "alias", "fast", "echo/echo")
    router.json("models", "alias", "faster", "fast")
    assert ids(router)["fast"]["source"] == "alias"
    assert router.json("models", "show", "fast")["aliases"] == ["fast"]
    steps = router.json("routes", "explain", "faster")["steps"]
    assert steps[:2] == ["'faster' is an alias of 'fast'", "'fast' is an alias of 'echo/echo'"]
    assert "in a circle: fast -> faster -> fast" in router.refused("models", "alias", "fast", "faster")
    assert "'fast' is an alias" in router.refused("models", "disable", "fast")
    assert "'fast' is an alias of 'echo/echo'" in router.refused(
        "models", "add", "fast", "--provider", "echo", "--model", "echo"
    )
    router.json("models", "alias", "faster", "--remove")
    assert "faster" not in ids(router)


def test_an_alias_to_a_provider_without_a_key_is_kept_with_a_warning(router) -> None:
    run = router("models", "alias", "best", "openai/gpt-4o")
    assert run.status == 0
    assert "OPENAI_API_KEY" in run.err


def test_what_the_configuration_fixes_is_refused_with_its_place(router) -> None:
    router.write(f'\n{ACME}[aliases]\nfixed = "echo/echo"\n'.replace("[aliases]\n", ""))
    text = router.config.read_text().replace("[aliases]\n", '[aliases]\nfixed = "echo/echo"\n', 1)
    router.config.write_text(text.replace('models = ["large"]\nfixed = "echo/echo"\n', 'models = ["large"]\n'))
    place = f"{router.config}, line "
    for args in (["alias", "fixed", "echo/embed"], ["alias", "fixed", "--remove"]):
        said = router.refused("models", *args)
        assert place in said
        assert "[aliases] fixed" in said
    for args in (["disable", "acme/large"], ["add", "acme/large", "--provider", "echo", "--model", "echo"]):
        said = router.refused("models", *args)
        assert place in said
        assert "[providers.acme] models" in said


def test_explain_goes_through_the_steps(router) -> None:
    router.write(f"\n{ACME}")
    found = router.json("routes", "explain", "large")
    assert found["steps"] == ["only 'acme' serves a model called 'large'"]
    target = found["targets"][0]
    assert (target["id"], target["provider"], target["state"]) == ("acme/large", "acme", "active")
    assert target["host"] == "127.0.0.1:9"
    assert target["timeouts"]["connect"] == 5.0
    assert "connect 5, whole 600" in router("routes", "explain", "acme/large").out
    assert "Did you mean 'acme/large'" in router.refused("routes", "explain", "acme/lage")
    assert "OPENAI_API_KEY" in router.refused("routes", "explain", "gpt-4o")


def test_explain_says_what_a_key_may(router) -> None:
    key = router.json("keys", "list")[0]["id"]
    assert router.json("routes", "explain", "echo/echo", "--key", key)["key"]["verdict"] == "may call"
    router.json("keys", "disable", key)
    assert (
        "is refused with 401: it, or its account, is disabled"
        in router("routes", "explain", "echo/echo", "--key", key).out
    )
    assert "There is no key key_none" in router.refused("routes", "explain", "echo/echo", "--key", "key_none")


def test_fallbacks(router) -> None:
    router.write(f"\n{ACME}")
    router.json("fallbacks", "set", "acme/large", "echo/echo")
    (row,) = router.json("fallbacks", "list")
    assert (row["model"], row["targets"], row["source"]) == ("acme/large", ["echo/echo"], "operator")
    targets = router.json("routes", "explain", "acme/large")["targets"]
    assert [target["id"] for target in targets] == ["acme/large", "echo/echo"]
    assert "in a circle" in router.refused("fallbacks", "set", "echo/echo", "acme/large")
    assert "Did you mean 'echo/echo'" in router.refused("fallbacks", "set", "acme/large", "echo/ecco")
    assert "Did you mean 'acme/large'" in router.refused("fallbacks", "set", "acme/lage", "echo/echo")
    router.json("fallbacks", "clear", "acme/large")
    assert router.json("fallbacks", "list") == []
    assert "has no fallbacks" in router.refused("fallbacks", "clear", "acme/large")


def test_fallbacks_of_the_configuration(router) -> None:
    router.write(f"\n{ACME}")
    assert "Did you mean 'echo/echo'" in router.refused("config", "set", 'fallback."acme/large"', "echo/ecco")
    router.json("config", "set", 'fallback."acme/large"', "echo/echo")
    assert router.json("config", "check")["ok"] is True
    assert router.json("fallbacks", "list")[0]["source"] == "configuration"
    for args in (["set", "acme/large", "echo/echo"], ["clear", "acme/large"]):
        assert f"{router.config}, line " in router.refused("fallbacks", *args)
    assert "in a circle" in router.refused("config", "set", 'fallback."echo/echo"', "acme/large")
    router.config.write_text(router.config.read_text().replace('["echo/echo"]', '["echo/gone"]'))
    assert "echo/gone" in router.refused("config", "check")


def test_a_key_with_a_scope(router) -> None:
    account = router.first["account"]
    router.write(f"\n{ACME}")
    made = router.json("keys", "create", "--account", account, "--scope", "echo/*", "--scope", "acme/large")
    assert router.json("keys", "show", made["id"])["scope"] == ["echo/*", "acme/large"]
    assert router.json("routes", "explain", "large", "--key", made["id"])["key"]["scope"] == ["echo/*", "acme/large"]
    narrow = router.json("keys", "create", "--account", account, "--scope", "acme/large")
    assert "may not use the model" in router.refused("routes", "explain", "echo/echo", "--key", narrow["id"])
    for scope, nearest in (("eco/*", "did you mean 'echo'"), ("echo/ecco", "Did you mean 'echo/echo'")):
        assert nearest in router.refused("keys", "create", "--account", account, "--scope", scope)


def test_an_id_like_no_other_is_answered_with_the_command_that_lists_them(router) -> None:
    for args in (["routes", "explain", "zzzz"], ["models", "show", "zzzz"], ["fallbacks", "set", "echo/echo", "zzzz"]):
        said = router.refused(*args)
        assert "`router models list` shows what there is." in said and "GET /v1" not in said
    router.config.write_text('[aliases]\nlost = "zzzz"\n')
    assert "router models list" in router("config", "check").err
    assert "router models list" in router.json("config", "check")["warnings"][0]


def test_the_catalogue_needs_no_secret_and_a_running_gateway_is_believed(router) -> None:
    router.write("""
[providers.acme]
kind = "compatible"
base_url = "http://127.0.0.1:9/v1"
api_key = "env:ACME_KEY"
models = ["large"]
""")

    def listed() -> set[str]:
        return {row["provider"] for row in router.json("models", "list")}

    assert listed() == {"acme", "echo"}
    assert "acme is taken as active" in router("models", "list").err
    (target,) = router.json("routes", "explain", "acme/large")["targets"]
    assert target["state"] == "active; not from this shell: set the environment variable ACME_KEY"
    router.json("models", "price", "acme/large", "--input", "1", "--output", "2")
    assert "cannot be asked from this shell: set the environment" in router.refused("models", "sync", "acme")
    assert "acme" not in router("models", "sync").out
    assert "is not set up" in router.refused("providers", "test", "acme")

    with closing(open_database("sqlite:///router.db", router.folder)) as served:
        worker = register(served, time.time(), providers=["echo", "openai"])
        assert listed() == {"echo", "openai"}
        assert "set the environment variable ACME_KEY" in router.refused("routes", "explain", "acme/large")
        register(served, time.time(), providers=["acme", "echo"])
        assert listed() == {"acme", "echo", "openai"}
        leave(served, worker)
        assert listed() == {"acme", "echo"}
        register(served, time.time() - 3600, providers=["xai"])
        assert listed() == {"acme", "echo"}
