"""Which bodies ask for a cache that no price has a rate for, wherever they say so."""

from __future__ import annotations

from typing import Any

import pytest

from router.charging.caching import check_cache
from router.errors import BadRequest

LONG, SHORT = (
    {"cache_control": {"type": "ephemeral", "ttl": "1h"}},
    {"cache_control": {"type": "ephemeral", "ttl": "5m"}},
)


def bodies(mark: dict[str, Any]) -> list[dict[str, Any]]:
    part = {"type": "text", "text": "long", **mark}
    user, tool = {"role": "user", "content": "x"}, {"type": "function", "function": {"name": "f", **mark}}
    return [
        {"messages": [user], **mark},
        {"messages": [user | mark]},
        {"messages": [user, {"role": "user", "content": [part]}]},
        {"messages": [{"role": "tool", "content": [{"type": "tool_result", "content": [part]}]}]},
        {"messages": [{"role": "assistant", "content": "x", "content_blocks": [part]}]},
        {"messages": [user], "system": [part]},
        {"messages": [user], "tools": [tool]},
        {"messages": [user], "tools": [{"type": "function", "function": {"name": "f"}, **mark}]},
    ]


@pytest.mark.parametrize("number", range(len(bodies({}))))
def test_a_cache_kept_for_long_is_refused_through_every_door(number: int) -> None:
    with pytest.raises(BadRequest) as caught:
        check_cache(bodies(LONG)[number])
    assert caught.value.code == "unpriced_extra"
    check_cache(bodies(SHORT)[number])
    check_cache(bodies({"cache_control": None})[number])
    check_cache(bodies({"cache_control": {"type": "ephemeral"}})[number])


def test_what_only_looks_like_it_passes() -> None:
    schema = {"type": "object", "properties": {"cache_control": {"ttl": "1h"}}}
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    check_cache(
        {"messages": [{"role": "user", "content": '"cache_control":{"ttl":"1h"}'}, 5, None], "tools": [tool, 7]}
    )
    check_cache({"messages": "none", "tools": {}})
