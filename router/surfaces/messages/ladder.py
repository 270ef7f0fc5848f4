"""What becomes of each field of a request, in both lanes: the one table, which the documentation shows as well.

A request is *translated* for providers that are asked through chat, and passed on (*native*) to those that speak
Anthropic's API. Where a rule refuses, the refusal says what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from router.errors import BadRequest

__all__ = ["BLOCKS", "FIELDS", "TOOLS", "UNKNOWN", "Rung", "Way", "refusal"]


class Way(Enum):
    """What a lane does with a field."""

    PASSED = "passed on"
    TRANSLATED = "translated"
    DROPPED = "dropped, and named in `x-router-dropped-params`"
    REFUSED = "400"
    UNPRICED = "400 where calls are paid"


@dataclass(frozen=True, slots=True)
class Rung:
    """One row.

    Attributes:
        name: of the field, in dotted form where it is an inner one.
        translated, native: what the lanes do; for ``harmless`` values, a lane that refuses drops the field instead.
        into: what the translation makes of it.
        harmless: values that ask for what happens anyway.
        why: of a refusal, what is wrong; the remedy stands in it.
    """

    name: str
    translated: Way
    native: Way
    into: str = ""
    harmless: Sequence[Any] = ()
    why: str = ""

    def asks(self, value: Any) -> bool:
        """Whether a value asks for anything."""
        return value is not None and value is not False and not any(value == one for one in self.harmless)


_P, _T, _D, _R, _U = Way.PASSED, Way.TRANSLATED, Way.DROPPED, Way.REFUSED, Way.UNPRICED
_NO_PRICE = "has no price on this gateway; send the request without it"
_ANOTHER_PAYER = "would choose who pays or who answers; send the request without it"
_KEPT_THERE = "names something that is kept at Anthropic for the whole gateway; send it inline"
_SERVER_TOOL = "is run by Anthropic, which has no price on this gateway: offer tools that you run yourself"
_CLIENTS_OWN = "is known to Anthropic's models alone: describe the tool with 'name' and 'input_schema'"

FIELDS: Mapping[str, Rung] = {
    rule.name: rule
    for rule in (
        Rung("model", _P, _T, "the provider's own name in the native lane"),
        Rung("max_tokens", _T, _P, "`max_completion_tokens`"),
        Rung("messages", _T, _P, "`messages`"),
        Rung("system", _T, _P, "a message of the role `system`, without Claude Code's attribution block"),
        Rung("stream", _P, _P),
        Rung("stop_sequences", _T, _P, "`stop`"),
        Rung("temperature", _P, _P, "400 with the version 2026-10-21"),
        Rung("top_p", _P, _P, "400 with the version 2026-10-21"),
        Rung("top_k", _D, _P, "400 with the version 2026-10-21"),
        Rung("tools", _T, _P, "`tools`: functions"),
        Rung("tool_choice", _T, _P, "`tool_choice` and `parallel_tool_calls`"),
        Rung(
            "thinking",
            _T,
            _P,
            "`reasoning_effort`: `low` for a budget below 4,096 tokens, `medium` below 16,384, else `high`; "
            "dropped where it names no budget",
        ),
        Rung("output_config.effort", _T, _P, "`reasoning_effort`, before `thinking`"),
        Rung("output_config.format", _T, _P, "`response_format`: `json_schema`"),
        Rung("output_config.*", _D, _P),
        Rung("output_format", _T, _P, "`response_format`: `json_schema`"),
        Rung("metadata.user_id", _T, _T, "`user`: a hash of it and the account, in both lanes"),
        Rung("metadata.*", _D, _P),
        Rung("service_tier", _D, _U, harmless=("auto", "standard_only"), why=_NO_PRICE),
        Rung("speed", _R, _R, harmless=("standard",), why=_NO_PRICE),
        Rung("inference_geo", _R, _R, why=_NO_PRICE),
        Rung("cache_control", _D, _P),
        Rung("cache_control.ttl", _D, _U, "above five minutes; dropped with its `cache_control`", ("5m",), _NO_PRICE),
        Rung("context_management", _D, _P),
        Rung("context_management.edits", _D, _U, "of the type `compact_*`", (), _NO_PRICE),
        Rung("compaction", _R, _R, why=_NO_PRICE),
        Rung("container", _R, _R, why=_KEPT_THERE),
        Rung("mcp_servers", _R, _R, harmless=([],), why=_SERVER_TOOL),
        Rung("thread", _R, _R, harmless=({"type": "create"},), why=_KEPT_THERE),
        Rung("fallbacks", _R, _R, harmless=([],), why=_ANOTHER_PAYER),
        Rung("fallback_credit_token", _R, _R, why=_ANOTHER_PAYER),
        Rung("billing_policy", _R, _R, why=_ANOTHER_PAYER),
        Rung("workspace_id", _D, _D),
        Rung("user_profile_id", _D, _D),
        Rung("diagnostics", _D, _D),
        Rung("betas", _D, _D, "a list of the SDK's own, which it sends as the header `anthropic-beta`"),
    )
}
"""Field of the body -> its rule."""

UNKNOWN = Rung("any other", _D, _P)
"""The rule of a field that nobody here knows."""

TOOLS: Mapping[str, Rung] = {
    rule.name: rule
    for rule in (
        Rung("custom", _T, _P, "a function; also where a tool has no `type`"),
        Rung("bash_*", _R, _P, why=_CLIENTS_OWN),
        Rung("computer_*", _R, _P, why=_CLIENTS_OWN),
        Rung("memory_*", _R, _P, why=_CLIENTS_OWN),
        Rung("text_editor_*", _R, _P, why=_CLIENTS_OWN),
        Rung("browser_toolset_*", _R, _P, why=_CLIENTS_OWN),
        Rung("computer_toolset_*", _R, _P, why=_CLIENTS_OWN),
        Rung("tool_search_tool_*", _R, _P, why=_CLIENTS_OWN),
        Rung("*", _R, _U, "such as `web_search_*`, `web_fetch_*`, `code_execution_*`", why=_SERVER_TOOL),
    )
}
"""``type`` of a tool -> its rule; the first that fits."""

BLOCKS: Mapping[str, Rung] = {
    rule.name: rule
    for rule in (
        Rung("text", _T, _P, "text; `citations` are left out"),
        Rung("image", _T, _P, "`image_url`"),
        Rung("image.source.file", _R, _R, why=_KEPT_THERE),
        Rung("document", _T, _P, "a PDF becomes a `file`, text becomes text under its title"),
        Rung("document.source.url", _R, _P, why="must hold its data for this model; send it as base64 or as text"),
        Rung("document.source.file", _R, _R, why=_KEPT_THERE),
        Rung("search_result", _T, _P, "text under its title and source"),
        Rung("tool_use", _T, _P, "`tool_calls`"),
        Rung("tool_result", _T, _P, "a message of the role `tool`; images follow it in one of the role `user`"),
        Rung("thinking", _T, _P, "`reasoning_content`, and what its provider gave with it; another's is left out"),
        Rung("redacted_thinking", _T, _P, "what its provider gave; another's is left out"),
        Rung("container_upload", _R, _R, why=_KEPT_THERE),
        Rung("server_tool_use", _D, _P, "a finished call of a tool that Anthropic ran"),
        Rung("*_tool_result", _D, _P, "its result"),
        Rung("*", _R, _P, why="has no equivalent for this model; send text, images, documents, or tools' calls"),
    )
}
"""``type`` of a content block, or of the source within it -> its rule; the first that fits."""


def refusal(where: str, rule: Rung, *, unpriced: bool = False) -> BadRequest:
    """The refusal of what stands at ``where``."""
    code = "unpriced_extra" if unpriced or rule.why in (_NO_PRICE, _SERVER_TOOL) else "unsupported_parameter"
    return BadRequest(f"'{where}' {rule.why}.", code=code, param=where)
