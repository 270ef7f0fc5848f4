"""What each provider is sent of a request: one output cap under the names that it obeys, and nothing that it does not
know, or that would change who is paid.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from provider_kit import ASK, Rig

from router.testing import Answer, Gateway, ScriptedUpstream, completion, token_usage
from router.testing.upstream.wires import WIRES as OTHERS
from router.testing.upstream.wires import Wire
from router.testing.upstream.wires.anthropic import ANTHROPIC
from router.testing.upstream.wires.ollama import OLLAMA
from router.testing.upstream.wires.openai import OPENAI

WIRES = {**OTHERS, "anthropic": ANTHROPIC, "ollama": OLLAMA, "openai": OPENAI}

CAPS: dict[str, tuple[str, ...]] = {
    "anthropic": ("max_tokens",),
    "deepseek": ("max_tokens",),
    "gemini": ("max_tokens",),
    "meta": ("max_completion_tokens",),
    "mistral": ("max_tokens",),
    "moonshot": ("max_completion_tokens",),
    "ollama": ("options.num_predict",),
    "openai": ("max_completion_tokens",),
    "openrouter": ("max_completion_tokens",),
    "qwen": ("max_tokens",),
    "xai": ("max_completion_tokens",),
}
SPELLINGS: list[dict[str, Any]] = [
    {"max_completion_tokens": 7},
    {"max_tokens": 7},
    {"max_completion_tokens": 7, "max_tokens": None},
    {"max_completion_tokens": None, "max_tokens": 7},
    {"max_completion_tokens": 7, "max_tokens": 5},
    {"max_tokens": 7, "num_predict": -1},
    {"num_predict": 7},
    {"options": {"num_predict": 7, "top_k": 3}},
    {"max_tokens": 1, "options": {"num_predict": 7}},
    {"max_output_tokens": 7, "n_predict": 5},
]
ALL_WIRES = pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
PRICED = {"input": "1", "output": "2"}


def sections_at(url: str) -> dict[str, dict[str, Any]]:
    """A section of each plugin's own name."""
    found: dict[str, dict[str, Any]] = {
        name: {"kind": name, "base_url": url, "api_key": f"sk-{name}", "unlisted": True} for name in WIRES
    }
    found["ollama"]["base_url"] = url.removesuffix("/v1")
    return found


@pytest.fixture(scope="module")
def free(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("free")
    with (
        ScriptedUpstream() as upstream,
        Gateway(folder, providers=sections_at(upstream.url), billing=False) as gateway,
    ):
        yield Rig(gateway, upstream, gateway.client())


def caps_of(body: dict[str, Any]) -> dict[str, Any]:
    """Every spelling of a cap in a body -> its number."""
    names = {"max_completion_tokens", "max_tokens", "max_output_tokens", "n_predict", "num_predict"}
    inside = {f"options.{name}": value for name, value in body.get("options", {}).items() if name in names}
    return {name: value for name, value in body.items() if name in names} | inside


@ALL_WIRES
@pytest.mark.parametrize("given", SPELLINGS, ids=str)
def test_one_cap_goes_out_under_the_names_that_the_provider_obeys(free: Rig, wire: Wire, given: dict[str, Any]) -> None:
    free.upstream.script(wire.plain("x"))
    free.ask(f"{wire.name}/{wire.model}", extra_body=given)
    assert caps_of(free.sent()) == dict.fromkeys(CAPS[wire.name], 7)
    if "top_k" in given.get("options", {}):
        assert free.sent()["options"]["top_k"] == 3


ADDED: dict[str, Any] = {
    "reasoning_content": "T",
    "reasoning": "T",
    "reasoning_details": [{"type": "reasoning.text", "text": "T"}],
    "thinking_blocks": [{"type": "thinking", "thinking": "T", "signature": "S"}],
    "extra_content": {"google": {"thought_signature": "S"}},
    "made_up": 1,
}
KNOWN: dict[str, set[str]] = {
    "deepseek": {"reasoning_content"},
    "gemini": {"extra_content"},
    "meta": {"reasoning_content"},
    "mistral": set(),  # it stands in the content there
    "moonshot": {"reasoning_content"},
    "openai": set(),
    "openrouter": {"reasoning", "reasoning_content", "reasoning_details"},
    "qwen": {"reasoning_content"},
    "xai": {"reasoning_content"},
}


@pytest.mark.parametrize("name", KNOWN)
def test_what_other_providers_put_into_messages_is_taken_off(free: Rig, name: str) -> None:
    wire = WIRES[name]
    call = {"id": "123456789", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    said = {"role": "assistant", "content": "a", "tool_calls": [{**call, "extra_content": {"google": {}}}], **ADDED}
    free.upstream.script(wire.plain("x"))
    free.ask(f"{wire.name}/{wire.model}", messages=[*ASK, said, {"role": "user", "content": "b"}])
    message = free.sent()["messages"][1]
    assert message.keys() & ADDED.keys() == KNOWN[name] | {"made_up"}
    assert ("extra_content" in message["tool_calls"][0]) is (name == "gemini")


def test_a_stop_that_stops_at_nothing_is_none_and_each_provider_takes_its_own_number(free: Rig) -> None:
    for wire, stop, taken in (
        (OPENAI, [], None),
        (OPENAI, list("abcd"), list("abcd")),
        (WIRES["deepseek"], list("abcdefgh"), list("abcdefgh")),
        (WIRES["mistral"], list("abcdef"), list("abcdef")),
    ):
        free.upstream.script(wire.plain("x"))
        free.ask(f"{wire.name}/{wire.model}", stop=stop)
        assert free.sent().get("stop") == taken
    with pytest.raises(openai.BadRequestError, match="at most 4 strings") as caught:
        free.ask(f"openai/{OPENAI.model}", stop=list("abcde"))
    assert caught.value.param == "stop"
    with pytest.raises(openai.BadRequestError, match="at least 1, not -1"):
        free.ask(f"openai/{OPENAI.model}", max_tokens=-1)


def test_a_custom_tool_does_not_reach_a_provider_that_has_none(free: Rig) -> None:
    tools: Any = [{"type": "custom", "custom": {"name": "f"}}]
    for name in ("anthropic", "ollama"):
        with pytest.raises(openai.BadRequestError, match="string") as caught:
            free.ask(f"{name}/{WIRES[name].model}", tools=tools)
        assert caught.value.code == "unsupported_parameter"


def test_googles_own_options_reach_google_alone(free: Rig) -> None:
    fields = {"extra_body": {"google": {"thinking_config": {"include_thoughts": True}}, "url": "u"}}
    for name, reaches in (("gemini", {"google": fields["extra_body"]["google"]}), ("openai", None)):
        wire = WIRES[name]
        free.upstream.script(wire.plain("x"))
        free.ask(f"{wire.name}/{wire.model}", extra_body=fields)
        assert free.sent().get("extra_body") == reaches


# With money: what has no price is refused, or taken off.


@pytest.fixture(scope="module")
def paid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with ScriptedUpstream() as upstream:
        found = sections_at(upstream.url)
        found["any"] = {"kind": "compatible", "base_url": upstream.url, "models": ["m"]}
        found["one"] = {**found["any"], "cap_params": ["max_tokens"]}
        found["deaf"] = {**found["any"], "drop_params": ["max_tokens"]}
        found["away"] = {**found["anthropic"], "models": ["m"]}
        prices = {f"{name}/{wire.model}": PRICED for name, wire in WIRES.items()}
        prices |= {f"{name}/m": PRICED for name in ("any", "one", "deaf", "away")}
        config = {"prices": prices, "fallback": {"away/m": ["any/m"]}}
        folder = tmp_path_factory.mktemp("paid")
        with Gateway(folder, providers=found, config=config) as gateway:
            yield Rig(gateway, upstream, gateway.client())


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("openrouter", {"preset": "dear"}),
        ("qwen", {"search_options": {"forced_search": True}}),
        ("qwen", {"enable_code_interpreter": True}),
        ("anthropic", {"mcp_servers": [{"type": "url", "url": "https://tools.example"}]}),
        ("anthropic", {"container": "c1"}),
        ("anthropic", {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
        ("gemini", {"extra_body": {"google": {"cached_content": "cachedContents/x"}}}),
        ("gemini", {"tools": [{"google_search": {}}]}),
        ("moonshot", {"tools": [{"type": "function", "function": {"name": "$web_search"}}]}),
        ("xai", {"search_parameters": {"mode": "on"}}),
        ("xai", {"service_tier": "priority"}),
        ("any", {"tools": [{"type": "function", "web_search": {"enable": True}}]}),
        ("any", {"web_search": True}),
    ],
)
def test_what_costs_more_there_is_refused(paid: Rig, name: str, fields: dict[str, Any]) -> None:
    model = WIRES[name].model if name in WIRES else "m"
    with pytest.raises(openai.BadRequestError) as caught:
        paid.ask(f"{name}/{model}", extra_body=fields)
    assert caught.value.code == "unpriced_extra"


def test_a_tool_in_anthropics_own_shape_is_a_function_there(paid: Rig) -> None:
    paid.upstream.script(ANTHROPIC.plain("x"))
    tool = {"name": "f", "input_schema": {"type": "object"}}
    paid.ask(f"anthropic/{ANTHROPIC.model}", extra_body={"tools": [tool]})
    assert paid.sent()["tools"] == [tool]


def test_what_chooses_a_dearer_host_is_taken_off(paid: Rig) -> None:
    wire = WIRES["openrouter"]
    paid.upstream.script(wire.plain("x"))
    fields = {"provider": {"order": ["dear"], "zdr": True}, "route": "fallback", "made_up": 1, "kv_transfer_params": {}}
    answer = paid.client.chat.completions.with_raw_response.create(
        model=f"openrouter/{wire.model}", messages=ASK, extra_body=fields
    )
    sent = paid.sent()
    assert (sent["provider"], sent["made_up"]) == ({"zdr": True}, 1)
    assert not {"route", "kv_transfer_params"} & sent.keys()
    assert answer.headers["x-router-dropped-params"] == "kv_transfer_params, route, provider.order"


@pytest.mark.parametrize(
    ("model", "caps"),
    [
        ("any/m", {"max_completion_tokens": 1, "max_tokens": 1}),
        ("one/m", {"max_tokens": 1}),
        ("deaf/m", {"max_completion_tokens": 16_384}),
    ],
)
def test_a_sections_caps(paid: Rig, model: str, caps: dict[str, int]) -> None:
    paid.upstream.script(OPENAI.plain("x"))
    paid.ask(model, max_tokens=1)
    assert caps_of(paid.sent()) == caps


def test_output_above_the_cap_is_charged_marked_and_told(paid: Rig) -> None:
    before = paid.gateway.router("usage", "counters")["over_bound"]
    paid.upstream.script(Answer(completion("x", usage=token_usage(10, 4_000))))
    paid.ask("any/m", max_tokens=1)
    (row, *_) = paid.gateway.router("usage", "show")
    assert (row["completion_tokens"], row["charge"], row["clamped"]) == (4_000, "0.00801", False)
    assert paid.gateway.router("usage", "counters")["over_bound"] == before + 1
    assert "operator: any/m told of 10 tokens in and 4000 out" in paid.gateway.log_path.read_text()


def test_a_fallback_to_a_server_that_nobody_knows_gets_no_other_providers_members(paid: Rig) -> None:
    said = {"role": "assistant", "content": "a", "thinking_blocks": ADDED["thinking_blocks"], "made_up": 1}
    messages: Any = [*ASK, said, {"role": "user", "content": "b"}]
    paid.upstream.script(
        Answer({"type": "error", "error": {"type": "overloaded_error"}}, status=529), OPENAI.plain("x")
    )
    paid.ask("away/m", messages=messages)
    assert paid.sent()["messages"][1] == {"role": "assistant", "content": "a", "made_up": 1}
    paid.upstream.script(OPENAI.plain("x"))
    paid.ask("any/m", messages=messages)
    assert paid.sent()["messages"] == messages, "where it is asked itself, they may be its own"


def test_a_model_is_found_by_every_name_that_a_call_may_use(paid: Rig) -> None:
    models = paid.client.models
    assert models.retrieve(OPENAI.model).id == OPENAI.model
    assert models.retrieve(f"openai/{OPENAI.model}").id == f"openai/{OPENAI.model}"
    with pytest.raises(openai.NotFoundError):
        models.retrieve("no-such-model")
