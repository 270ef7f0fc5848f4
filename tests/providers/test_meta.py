"""Meta: a key under either name, Llama models from another host, errors that are but a code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai
import pytest
from provider_kit import ASK, Rig
from router_plugins.meta import Settings, plugin

from router import CallContext
from router.config.file import Settings as Configuration
from router.testing import Gateway, ScriptedUpstream, Stream, chunks
from router.testing.upstream.wires import META

MODEL = f"meta/{META.model}"


def settings(environ: dict[str, str], **section: Any) -> Settings:
    made = Configuration(path=Path("router.toml"), environ=environ).record(plugin.settings(), "providers.meta", section)
    assert isinstance(made, Settings)
    return made


def cards(made: Settings) -> list[str]:
    context = CallContext("meta", "", made, None)  # type: ignore[arg-type]
    return [card.model for card in plugin.models(context)]


@pytest.mark.parametrize(
    ("environ", "key"),
    [
        ({"MODEL_API_KEY": "sk-model"}, "sk-model"),
        ({"META_API_KEY": "sk-meta"}, "sk-meta"),
        ({"MODEL_API_KEY": "sk-model", "META_API_KEY": "sk-meta"}, "sk-model"),
        ({"MODEL_API_KEY": "", "META_API_KEY": "sk-meta"}, "sk-meta"),
    ],
)
def test_the_key_under_either_name(environ: dict[str, str], key: str) -> None:
    made = settings(environ)
    assert (made.api_key.reveal(), made.missing()) == (key, None)
    assert META.model in cards(made)


def test_a_missing_key_is_named_by_both() -> None:
    assert settings({}).missing() == "set the environment variable MODEL_API_KEY or META_API_KEY"


@pytest.mark.parametrize("key", ["", "sk-own"])
def test_another_host_needs_no_key_and_is_not_sent_metas(key: str) -> None:
    section = {"base_url": "http://llama.example/v1"} | ({"api_key": key} if key else {})
    made = settings({"MODEL_API_KEY": "sk-model"}, **section)
    assert (made.api_key.reveal(), made.missing(), cards(made)) == (key, None, [])


def test_metas_own_address_is_no_other_host() -> None:
    made = settings({}, base_url="https://api.meta.ai/v1/")
    assert made.missing() is not None
    assert META.model in cards(made)


def test_llama_models_from_a_host_without_keys(tmp_path: Path) -> None:
    with (
        ScriptedUpstream() as upstream,
        Gateway(
            tmp_path,
            providers={"meta": {"base_url": upstream.url}},
            env={"META_API_KEY": "sk-meta-secret"},
            billing=False,
        ) as gateway,
    ):
        upstream.on("/v1/chat/completions", META.plain("Hello"))
        reply = gateway.client().chat.completions.create(model="meta/Llama-3.3-70B-Instruct", messages=ASK)
        assert (reply.choices[0].message.content, reply.model) == ("Hello", "meta/Llama-3.3-70B-Instruct")
        assert upstream.last.json()["model"] == "Llama-3.3-70B-Instruct"
        assert "authorization" not in upstream.last.headers


def test_the_cap_under_its_name_there_and_the_limits_behind_it(rig: Rig) -> None:
    rig.upstream.script(META.plain("x"))
    messages = [{"role": "developer", "content": "Be brief."}, *ASK]
    rig.ask(MODEL, max_tokens=50, reasoning_effort="none", messages=messages)
    sent = rig.sent()
    assert (sent["max_completion_tokens"], sent["reasoning_effort"]) == (50, "none"), "the upstream judges the rest"
    assert sent["messages"] == messages


def test_reasoning_that_ate_the_cap_is_an_answer(rig: Rig) -> None:
    rig.upstream.script(Stream(chunks(model=META.model, finish_reason="length", include_usage=True)))
    assert [choice.finish_reason for reply in rig.ask(MODEL, "stream") for choice in reply.choices][-1] == "length"


@pytest.mark.parametrize(
    ("code", "status"), [("service_overloaded", 503), ("server_shutting_down", 503), ("rate_limit_exceeded", 429)]
)
def test_an_error_that_is_but_a_code_before_any_output(rig: Rig, code: str, status: int) -> None:
    role = chunks(model=META.model)[:1]
    rig.upstream.script(Stream([*role, {"error": {"code": code}}], done=False))
    with pytest.raises(openai.APIStatusError) as caught:
        rig.ask(f"{rig.spare('meta')}/{META.model}", "stream")
    assert caught.value.status_code == status
