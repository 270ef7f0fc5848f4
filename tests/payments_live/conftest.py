"""A gateway that a third party's payment method is installed in, and the bank behind it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bank import SECRET, Bank
from box_kit import box_config

from router.testing import Gateway

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def bank() -> Iterator[Bank]:
    with Bank() as running:
        yield running


@pytest.fixture(scope="module")
def box_env(tmp_path_factory: pytest.TempPathFactory, install: Callable[..., None]) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("site")
    install(folder, "third-moneybox", "moneybox", HERE.joinpath("moneybox.py").read_text(encoding="utf-8"))
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
    return {"PYTHONPATH": path, "MONEYBOX_SECRET": SECRET}


@pytest.fixture
def box_site(box_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin is installed for the test's own process as well."""
    monkeypatch.syspath_prepend(box_env["PYTHONPATH"].split(os.pathsep)[0])


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory, bank: Bank, box_env: dict[str, str]) -> Iterator[Gateway]:
    with Gateway(tmp_path_factory.mktemp("box"), config=box_config(bank), env=box_env, workers=2) as running:
        yield running
