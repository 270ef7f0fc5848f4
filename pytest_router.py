"""``pytest --router-plugin NAME``: the conformance rules of an installed plugin as tests.

pytest imports this in every run where the gateway is installed, so it imports nothing until it is asked for something.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

__all__ = ["pytest_addoption", "pytest_configure"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--router-plugin``."""
    parser.getgroup("router").addoption(
        "--router-plugin",
        action="append",
        default=[],
        metavar="NAME",
        help="add the conformance rules of this installed plugin of tollrouter; may be given more than once",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Have the rules collected, where any are asked for."""
    names = config.getoption("router_plugin")
    if names:
        from router.testing.conformance.collecting import RuleItems

        config.pluginmanager.register(RuleItems(names), "router-plugin-rules")
