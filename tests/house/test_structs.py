"""Records made by msgspec keep what a frozen dataclass promises."""

from __future__ import annotations

import copy
import pickle
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace

import pytest

from router import Attempt, ChatCall, Quote, Usage
from router.structs import record


def test_replace_fields_and_comparison_work_as_on_a_dataclass() -> None:
    usage = Usage(5, 2, raw={"prompt_tokens": 5})
    assert is_dataclass(usage) and [one.name for one in fields(usage)][:2] == ["prompt_tokens", "completion_tokens"]
    other = replace(usage, completion_tokens=3)
    assert (other.completion_tokens, other.raw, usage.completion_tokens) == (3, {"prompt_tokens": 5}, 2)
    assert usage == Usage(5, 2), "what is left out of the comparison is left out"
    assert usage != other and hash(usage) == hash(Usage(5, 2))
    assert asdict(Attempt("p", "m", "ok", 200, 7))["latency_ms"] == 7
    for made in (copy.copy(usage), pickle.loads(pickle.dumps(usage))):
        assert made == usage and type(made) is Usage
    match Quote(1, 2, 3):
        case Quote(prompt, completion, charge):
            assert (prompt, completion, charge) == (1, 2, 3)


def test_nothing_can_be_changed_and_nothing_is_shown_that_is_left_out() -> None:
    call = ChatCall("req_1", "p/m", {"messages": "a prompt"})
    assert repr(call) == "ChatCall(request_id='req_1', model='p/m', stream=False, include_usage=False)"
    with pytest.raises(AttributeError):
        call.model = "other"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        call.other = 1  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        ChatCall("req_1")  # type: ignore[call-arg]


def test_defaults_are_made_for_each_record_and_methods_stay() -> None:
    @record
    @dataclass(frozen=True, slots=True)
    class Box:
        """A box."""

        size: int
        held: dict[str, int] = field(default_factory=dict)

        @property
        def double(self) -> int:
            return 2 * self.size

        @classmethod
        def of(cls, size: int) -> Box:
            return cls(size + 1)

    assert (Box(1).held is not Box(1).held) and Box.of(2).double == 6 and Box.__doc__ == "A box."
