"""OpenAI's messages -> Anthropic's ``system`` and ``messages``, whose roles take turns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from router_plugins.anthropic.content import Block, blocks_of, refused, text_block
from router_plugins.anthropic.tools import result_block, use_blocks

__all__ = ["conversation"]

_SYSTEM = frozenset({"system", "developer"})
_SIDES: Mapping[str, str] = {"tool": "user"}
_SAID = re.compile(r"text|thinking|redacted_thinking|\w*tool_use|\w+_tool_result", re.ASCII)
"""Types of the blocks that an assistant's message may hold: a client that sends them back adds no media."""


def conversation(messages: Sequence[Mapping[str, Any]]) -> tuple[list[Block], list[dict[str, Any]]]:
    """The blocks of ``system``, and the messages. Neighbours of one side become one message; empty ones are left out.

    Raises:
        BadRequest: naming the message and its field: what has no equivalent, or is broken.
    """
    system: list[Block] = []
    turns: list[dict[str, Any]] = []
    for index, message in enumerate(messages):
        blocks = _blocks(message, f"messages[{index}]")
        if blocks and message.get("cache_control") is not None:
            blocks[-1] = {**blocks[-1], "cache_control": message["cache_control"]}
        side = _SIDES.get(message["role"], message["role"])
        if message["role"] in _SYSTEM:
            system += blocks
        elif blocks and turns and turns[-1]["role"] == side:
            turns[-1]["content"] += blocks
        elif blocks:
            turns.append({"role": side, "content": blocks})
    for turn in turns:
        turn["content"].sort(key=_is_no_result)  # stable: results of tools come first there
    return system, turns


def _is_no_result(block: Block) -> bool:
    return block.get("type") != "tool_result"


def _blocks(message: Mapping[str, Any], where: str) -> list[Block]:
    role = message["role"]
    if role == "tool":
        return [result_block(message, where)]
    if role == "assistant":
        return _assistant(message, where)
    if role == "function":
        raise refused(
            f"{where}.role", 'must be "tool": functions without an ID have no equivalent', "unsupported_parameter"
        )
    return blocks_of(message.get("content"), f"{where}.content")


def _assistant(message: Mapping[str, Any], where: str) -> list[Block]:
    """What an earlier answer said: its thinking first, with the signatures that came with it.

    ``reasoning_content`` alone is left out: thinking without its signature is refused there.
    """
    whole = message.get("content_blocks")
    if whole:
        return _sent_back(whole, f"{where}.content_blocks")
    if message.get("function_call"):
        raise refused(f"{where}.function_call", "has no equivalent: send 'tool_calls'", "unsupported_parameter")
    blocks = blocks_of(message.get("content"), f"{where}.content")
    refusal = message.get("refusal")
    if not blocks and isinstance(refusal, str):
        blocks = text_block(refusal)
    if message.get("thinking_blocks"):
        blocks = _sent_back(message["thinking_blocks"], f"{where}.thinking_blocks") + blocks
    if message.get("tool_calls"):
        blocks += use_blocks(message["tool_calls"], f"{where}.tool_calls")
    return blocks


def _sent_back(blocks: Any, where: str) -> list[Block]:
    """Blocks as they were given to the client."""
    if not isinstance(blocks, list):
        raise refused(where, "must be a list", "invalid_type")
    for index, block in enumerate(blocks):
        kind = block.get("type") if isinstance(block, dict) else None
        if not isinstance(kind, str) or not _SAID.fullmatch(kind):
            raise refused(f"{where}[{index}]", "must be a block of an answer, as it came with it", "invalid_value")
    return [dict(block) for block in blocks]
