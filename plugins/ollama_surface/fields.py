"""What becomes of each field of Ollama's requests: the one table, for the code, its tests and its page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from router.surfaces import CHAT_FIELDS, Either, FieldRung, Integer, ListOf, Members, OneOf, TextField

__all__ = ["CHAT", "EMBED", "INPUT", "SHOWN", "unknown_fields"]

SHOWN: Mapping[type, str] = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "an object",
}
INPUT = Either("a text or a list of texts", TextField(), ListOf(TextField(), 1))
"""Of ``/api/embed``."""
_FORMAT = Either('"json" or a JSON schema', OneOf("json", ""), Members())
_CAP = Either("a whole number of at least 1, or -1 or -2 for no cap", OneOf(-1, -2), Integer(1))
_RUNNERS = "it is about the machine that runs a model, or a sampler that a chat does not have"
_DROPPED_OPTIONS = (
    *("embedding_only", "f16_kv", "logits_all", "low_vram", "main_gpu", "min_p", "mirostat", "mirostat_eta"),
    *("mirostat_tau", "num_batch", "num_ctx", "num_gpu", "num_keep", "num_thread", "numa", "penalize_newline"),
    *("repeat_last_n", "repeat_penalty", "tfs_z", "top_k", "typical_p", "use_mlock", "use_mmap", "vocab_only"),
)

CHAT: tuple[FieldRung, ...] = (
    FieldRung("model", "pass", "`model`"),
    FieldRung("messages", "translate", "`messages`", (list,)),
    FieldRung("stream", "translate", "`stream`, which is true where it is not named", (bool,)),
    FieldRung("tools", "pass", "`tools`", (list,)),
    FieldRung("format", "translate", "`response_format`: `json_object` for `json`, else `json_schema`", field=_FORMAT),
    FieldRung(
        "think",
        "translate",
        "`reasoning_effort`: `none` for false, `medium` for true, `xhigh` for `max`, else as it is",
        (bool, str),
    ),
    FieldRung("keep_alive", "drop", "models are not loaded by a gateway"),
    FieldRung("truncate", "drop", "a prompt that is too long is refused by its provider"),
    FieldRung("shift", "drop", "as `truncate`"),
    FieldRung("logprobs", "refuse", "ask by chat completions", (bool,), (False,)),
    FieldRung("top_logprobs", "refuse", "ask by chat completions", (int,), (0,)),
    FieldRung("options", "translate", "see its fields", (dict,)),
    FieldRung("options.temperature", "pass", "`temperature`", field=CHAT_FIELDS["temperature"]),
    FieldRung("options.top_p", "pass", "`top_p`", field=CHAT_FIELDS["top_p"]),
    FieldRung("options.seed", "pass", "`seed`", (int,)),
    FieldRung("options.presence_penalty", "pass", "`presence_penalty`", field=CHAT_FIELDS["presence_penalty"]),
    FieldRung("options.frequency_penalty", "pass", "`frequency_penalty`", field=CHAT_FIELDS["frequency_penalty"]),
    FieldRung("options.stop", "pass", "`stop`", field=CHAT_FIELDS["stop"]),
    FieldRung(
        "options.num_predict", "translate", "`max_completion_tokens`; -1 and -2 are no cap of the client's", field=_CAP
    ),
    *(FieldRung(f"options.{name}", "drop", _RUNNERS) for name in _DROPPED_OPTIONS),
)
"""Of ``/api/chat``; any other field is dropped, and named."""

EMBED: tuple[FieldRung, ...] = (
    FieldRung("model", "pass", "`model`"),
    FieldRung("input", "pass", "`input`", field=INPUT),
    FieldRung("dimensions", "pass", "`dimensions`; none where 0", field=Integer(0)),
    FieldRung("truncate", "drop", "an input that is too long is refused by its provider"),
    FieldRung("keep_alive", "drop", "models are not loaded by a gateway"),
    FieldRung("options", "drop", _RUNNERS, (dict,)),
)
"""Of ``/api/embed``."""


def unknown_fields(body: Mapping[str, Any], table: tuple[FieldRung, ...]) -> Iterator[str]:
    """Names of fields that the table does not have; they are dropped."""
    known = {rung.name for rung in table}
    yield from (name for name in body if name not in known)
    options = body.get("options")
    if any(name.startswith("options.") for name in known) and isinstance(options, Mapping):
        yield from (f"options.{name}" for name in options if f"options.{name}" not in known)
