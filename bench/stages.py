"""Which stop of a call a stack belongs to: the innermost frame that a rule knows decides."""

from __future__ import annotations

__all__ = ["STAGES", "function_of", "is_waiting", "stage_of"]

_POLICIES = ("plugins/prepaid/", "plugins/postpaid/", "plugins/windows/")

STAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("auth", ("router/calls/auth.py",)),
    (
        "validation",
        (
            *(f"router/surfaces/{name}.py" for name in ("body", "known_fields", "field_kinds", "checked", "measuring")),
            "router/http1/body.py",
        ),
    ),
    ("resolve", ("router/providers/resolve.py", "router/providers/endpoints.py", "router/catalogue/")),
    ("terms", tuple(f"router/charging/{name}.py" for name in ("quote", "terms", "bounds", "paid_extras"))),
    (
        "admission",
        ("router/calls/admission.py", "router/charging/policies.py", "router/charging/budget.py", *_POLICIES),
    ),
    ("ledger and journal", ("router/ledger/", "router/store/", "router/db/", "router/metering/")),
    ("record", ("router/calls/call_log.py",)),
    ("transport", ("router/upstream/", "router/http_client/", "router/sockets/", "plugins/")),
    (
        "reply",
        (
            "router/surfaces/chat/relay.py",
            "router/surfaces/splice.py",
            "router/types/dialect.py",
            "router/calls/stream.py",
        ),
    ),
    ("dispatch", ("router/calls/", "router/charging/", "router/surfaces/", "router/providers/")),
    ("server: write", tuple(f"router/http1/{name}.py" for name in ("responder", "heads", "stream"))),
    ("server: parse", ("router/http1/", "router/server/")),
    ("Flask", ("router/http/", "flask/", "werkzeug/", "blinker/")),
)
"""Stop -> parts of the paths of its files, as py-spy shortens them; the first rule that fits a frame counts."""

_COMMIT = "Connection.commit (router/db/connection.py"


def stage_of(stack: str) -> str:
    """The stop of a sampled stack, ``outermost (file:line);...;innermost (file:line)``."""
    for frame in reversed(stack.split(";")):
        for stage, places in STAGES:
            if any(place in frame for place in places):
                return stage
    return "event loop and threads"


def is_waiting(stack: str) -> bool:
    """Whether a native thread only waits, for work or for the disk, which py-spy takes for work."""
    return function_of(stack).startswith(("ThreadPool._serve ", "acquire_with_timeout ")) or _COMMIT in stack


def function_of(stack: str) -> str:
    """The innermost function, ``name (file:line)``."""
    return stack.rpartition(";")[2]
