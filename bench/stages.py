"""Which stop of a call a stack belongs to: the innermost frame that a rule knows decides."""

from __future__ import annotations

__all__ = ["STAGES", "function_of", "is_waiting", "stage_of"]

_POLICIES = ("plugins/prepaid/", "plugins/postpaid/", "plugins/windows/")

STAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("auth", ("router/gateway/auth.py",)),
    ("validation", ("router/gateway/body.py", "router/gateway/schemas.py", "router/server/body.py")),
    ("resolve", ("router/gateway/resolve.py", "router/gateway/endpoints.py", "router/catalogue/")),
    ("terms", tuple(f"router/gateway/{name}.py" for name in ("quoting", "terms", "bounds", "extras"))),
    (
        "admission",
        ("router/gateway/admission.py", "router/gateway/policies.py", "router/gateway/budget.py", *_POLICIES),
    ),
    ("ledger and journal", ("router/ledger/", "router/store/")),
    ("record", ("router/gateway/record.py",)),
    ("transport", ("router/upstream/", "plugins/")),
    ("reply", ("router/gateway/relay.py", "router/gateway/members.py", "router/dialect.py", "router/gateway/pump.py")),
    ("dispatch", ("router/gateway/",)),
    ("server: write", ("router/server/responder.py",)),
    ("server: parse", ("router/server/",)),
    ("Flask", ("router/http/", "flask/", "werkzeug/", "blinker/")),
)
"""Stop -> parts of the paths of its files, as py-spy shortens them; the first rule that fits a frame counts."""

_COMMIT = "Connection.commit (router/store/connection.py"


def stage_of(stack: str) -> str:
    """The stop of a sampled stack, ``outermost (file:line);...;innermost (file:line)``."""
    for frame in reversed(stack.split(";")):
        for stage, places in STAGES:
            if any(place in frame for place in places):
                return stage
    return "event loop and threads"


def is_waiting(stack: str) -> bool:
    """Whether a native thread only waits, for work or for the disk, which py-spy takes for work."""
    return function_of(stack).startswith(("Lane._serve ", "acquire_with_timeout ")) or _COMMIT in stack


def function_of(stack: str) -> str:
    """The innermost function, ``name (file:line)``."""
    return stack.rpartition(";")[2]
