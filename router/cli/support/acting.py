"""Who runs a command, as the audit log has it."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping

from router.office.actor import Actor

__all__ = ["ACTOR", "operator"]

ACTOR = "ROUTER_ACTOR"
"""The environment variable that names who acts, where that is not the user of the operating system."""


def operator(environ: Mapping[str, str]) -> Actor:
    """The actor of every command."""
    return Actor("operator", environ.get(ACTOR) or _user())


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run under a number that has no name
        return f"uid {os.getuid()}"
