"""The ladder of ``POST /v1/responses``: what becomes of each field of a request."""

from __future__ import annotations

from router.surfaces.canonical.ladder import FieldRung
from router.surfaces.field_kinds import Integer, ListOf, Members, Tagged, TextField, Typed
from router.surfaces.known_fields import CHAT_FIELDS

__all__ = ["LADDER", "TYPES"]

TYPES = {
    str: "a string",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "an object",
}

_FORMAT = Tagged(
    "type",
    {
        "text": Members(),
        "json_object": Members(),
        "json_schema": Members(
            {
                "schema": Members(required=True),
                "name": TextField(),
                "description": TextField(),
                "strict": Typed("true or false", bool),
            }
        ),
    },
)

LADDER = (
    FieldRung("model", "pass", "as it is", (str,)),
    FieldRung("stream", "pass", "as it is", (bool,)),
    FieldRung("temperature", "pass", "as it is", field=CHAT_FIELDS["temperature"]),
    FieldRung("top_p", "pass", "as it is", field=CHAT_FIELDS["top_p"]),
    FieldRung("presence_penalty", "pass", "as it is", field=CHAT_FIELDS["presence_penalty"]),
    FieldRung("frequency_penalty", "pass", "as it is", field=CHAT_FIELDS["frequency_penalty"]),
    FieldRung("parallel_tool_calls", "pass", "as it is; left out where there are no tools", (bool,)),
    FieldRung("service_tier", "pass", "as it is; tiers without a price are refused as on chat", (str,)),
    FieldRung("user", "pass", "as a hash of its own for each account", (str,)),
    FieldRung("safety_identifier", "pass", "as a hash of its own for each account", (str,)),
    FieldRung("prompt_cache_key", "pass", "as a hash of its own for each account", (str,)),
    FieldRung("input", "translate", "`messages`; items one by one, see below", (str, list)),
    FieldRung("instructions", "translate", "the first message, of the role `system`", (str,)),
    FieldRung(
        "max_output_tokens", "translate", "`max_completion_tokens`, or what the provider calls it", field=Integer(1)
    ),
    FieldRung("reasoning", "translate", "see its members", (dict,)),
    FieldRung("reasoning.effort", "translate", "`reasoning_effort`", (str,)),
    FieldRung("reasoning.summary", "drop", "what providers show of their reasoning is passed on in any case"),
    FieldRung("reasoning.generate_summary", "drop", "as `reasoning.summary`"),
    FieldRung("reasoning.context", "drop", "reasoning goes back to whom it came from in any case"),
    FieldRung("reasoning.mode", "refuse", "it is another price; leave it out.", (), ("default", "standard")),
    FieldRung("text", "translate", "see its members", (dict,)),
    FieldRung("text.format", "translate", "`response_format`: `json_schema` nested as chat has it", field=_FORMAT),
    FieldRung("text.verbosity", "translate", "`verbosity`", (str,)),
    FieldRung("tools", "translate", "functions; custom tools as functions of one text, namespaces in names", (list,)),
    FieldRung("tool_choice", "translate", "`tool_choice`; `allowed_tools` as a shorter list", (str, dict)),
    FieldRung("top_logprobs", "translate", "`top_logprobs`, with `logprobs`", field=CHAT_FIELDS["top_logprobs"]),
    FieldRung(
        "include",
        "translate",
        "`message.output_text.logprobs` as `logprobs`; reasoning is whole anyway",
        field=ListOf(TextField()),
    ),
    FieldRung("store", "translate", "whether the gateway keeps the answer; providers are told false", (bool,)),
    FieldRung("previous_response_id", "translate", "the gateway puts what it has kept before `input`", (str,)),
    FieldRung("metadata", "translate", "the gateway keeps it, and gives it back", (dict,)),
    FieldRung("truncation", "refuse", "no input is cut here; leave it out, or shorten `input`.", (), ("disabled",)),
    FieldRung("background", "refuse", "calls are answered at once; leave it out.", (), (False,)),
    FieldRung("conversation", "refuse", "no conversations are kept; use `previous_response_id`."),
    FieldRung("prompt", "refuse", "there are no stored prompts; send their text in `instructions` and `input`."),
    FieldRung(
        "context_management", "refuse", "nothing is compacted here; leave it out, and shorten `input`.", (), ([], {})
    ),
    FieldRung("moderation", "refuse", "no moderation is done here; leave it out.", (), ({},)),
    FieldRung("messages", "refuse", "it belongs to /v1/chat/completions; send the conversation as `input`."),
    FieldRung("max_tokens", "refuse", "its name is `max_output_tokens` here."),
    FieldRung("max_completion_tokens", "refuse", "its name is `max_output_tokens` here."),
    FieldRung("response_format", "refuse", "its place is `text.format` here."),
    FieldRung("reasoning_effort", "refuse", "its place is `reasoning.effort` here."),
    FieldRung("verbosity", "refuse", "its place is `text.verbosity` here."),
    FieldRung("functions", "refuse", "send them as `tools`."),
    FieldRung("function_call", "refuse", "send it as `tool_choice`."),
    FieldRung("n", "refuse", "there is one answer to a request; send several requests.", (), (1,)),
    FieldRung("stream_options", "drop", "streams have their usage in any case, and are not padded"),
    FieldRung("max_tool_calls", "drop", "it counts hosted tools, of which there are none"),
    FieldRung("prompt_cache_options", "drop", "providers cache as they do", native=False),
    FieldRung("prompt_cache_retention", "drop", "providers cache as they do", native=False),
    FieldRung("background_options", "drop", "nothing runs in the background", native=False),
    FieldRung("client_metadata", "drop", "it is for servers of the client's maker", native=False),
    FieldRung("access_programs", "drop", "it is for servers of the client's maker", native=False),
    FieldRung("image", "drop", "no images are made here", native=False),
)
"""In the order of the page. A field that is not here passes as it came."""
