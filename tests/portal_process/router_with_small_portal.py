"""The command line, whose portal is the small one of these tests."""

from __future__ import annotations

import sys

import router.cli.processes.portal
import router.cli.processes.serve
from router.cli.main import cli

APP = "small_portal:create"

if __name__ == "__main__":
    setattr(router.cli.processes.serve, "PORTAL_APP", APP)  # noqa: B010 - a constant, as far as types go
    setattr(router.cli.processes.portal, "PORTAL_APP", APP)  # noqa: B010
    cli.main(sys.argv[1:])
