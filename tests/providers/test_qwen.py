"""Qwen: hosts by region, thinking switched off, caches that were written, errors of two spellings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai
import pytest
from provider_kit import MODES, Rig
from router_plugins.qwen import Settings, plugin

from router.config.file import Settings as Configuration
from router.errors import ConfigError
from router.testing import Answer, Stream, chunks, completion, token_usage
from router.testing.upstream.wires import QWEN
from router.upstream.failures import Failure

MODEL = f"qwen/{QWEN.model}"


def settings(**section: Any) -> Settings:
    made = Configuration(path=Path("router.toml"), environ={}).record(plugin.settings(), "providers.qwen", section)
    assert isinstance(made, Settings)
    return made


@pytest.mark.parametrize(
    ("section", "host"),
    [
        ({}, "dashscope-intl"),
        ({"region": "china"}, "dashscope"),
        ({"region": "us"}, "dashscope-us"),
    ],
)
def test_a_region_is_a_host(section: dict[str, Any], host: str) -> None:
    assert settings(**section).base_url == f"https://{host}.aliyuncs.com/compatible-mode/v1"


def test_an_address_of_ones_own_goes_before_the_region() -> None:
    assert settings(region="us", base_url="https://mine.example/v1").base_url == "https://mine.example/v1"


def test_a_region_that_is_none() -> None:
    with pytest.raises(ConfigError, match="region") as caught:
        settings(region="usa")
    assert "international" in str(caught.value)


def test_the_cap_and_the_role_under_their_names_there(rig: Rig) -> None:
    rig.upstream.script(QWEN.plain("x"))
    messages: Any = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    rig.ask(MODEL, messages=messages, max_completion_tokens=50)
    sent = rig.sent()
    assert (sent["max_tokens"], [message["role"] for message in sent["messages"]]) == (50, ["system", "user"])
    assert "max_completion_tokens" not in sent


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"reasoning_effort": "none"}, {"enable_thinking": False}),
        ({"reasoning_effort": "high"}, {"reasoning_effort": "high"}),
        ({"enable_thinking": True, "thinking_budget": 9}, {"enable_thinking": True, "thinking_budget": 9}),
    ],
)
def test_thinking(rig: Rig, given: dict[str, Any], sent: dict[str, Any]) -> None:
    rig.upstream.script(QWEN.plain("x"))
    rig.ask(MODEL, extra_body=given)
    fields = ("enable_thinking", "reasoning_effort", "thinking_budget")
    assert {name: value for name, value in rig.sent().items() if name in fields} == sent


@pytest.mark.parametrize("mode", MODES)
def test_caches_that_were_written(rig: Rig, mode: str) -> None:
    usage = token_usage(3000, 9) | {"prompt_tokens_details": {"cached_tokens": 0, "cache_creation_input_tokens": 2048}}
    events = chunks("x", include_usage=True, usage=usage)
    rig.upstream.script(Stream(events) if mode == "stream" else Answer(completion("x", usage=usage)))
    fields = {"stream_options": {"include_usage": True}} if mode == "stream" else {}
    shown = rig.ask(MODEL, mode, **fields)[-1].usage.prompt_tokens_details
    assert (shown.cache_write_tokens, shown.cache_creation_input_tokens) == (2048, 2048)
    usage_read = plugin.read_usage({"usage": {**usage, "prompt_tokens_details": {"cache_write_tokens": 2048}}})
    assert usage_read is not None and usage_read.cache_write_tokens == 2048


def test_a_finish_that_is_none(rig: Rig) -> None:
    rig.upstream.script(QWEN.stream("forty", "-two"))
    reasons = [choice.finish_reason for reply in rig.ask(MODEL, "stream") for choice in reply.choices]
    assert reasons == [None, None, None, "stop"]


def test_a_native_error_after_output_is_an_error(rig: Rig) -> None:
    said = {"code": "DataInspectionFailed", "message": "Output data may contain inappropriate content."}
    rig.upstream.script(Stream([*chunks("forty", model=QWEN.model)[:2], said], done=False, joined=True))
    text = ""
    with (
        rig.client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "x"}], stream=True
        ) as got,
        pytest.raises(openai.APIError, match="inappropriate") as caught,
    ):
        for chunk in got:
            text += chunk.choices[0].delta.content or ""
    assert (text, caught.value.code) == ("forty", "DataInspectionFailed")


@pytest.mark.parametrize(
    ("code", "type", "kind"),
    [
        ("insufficient_quota", "", "rate_limit"),
        ("Throttling.AllocationQuota", "", "rate_limit"),
        ("", "Arrearage", "billing"),
        ("Model.AccessDenied", "", "auth"),
        ("unheard_of", "", "server"),
    ],
)
def test_errors_without_a_status(code: str, type: str, kind: str) -> None:
    assert plugin.kind(Failure(200, "x", type, code)) == kind
