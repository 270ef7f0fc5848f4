"""Top-ups as pages begin them, in the test's own process."""

from __future__ import annotations

import os
from decimal import Decimal
from typing import Any, Self
from uuid import uuid4

from bank import SECRET, Bank

from router.app.start import assemble
from router.db.database import Database
from router.office.actor import Actor
from router.office.payments.topups import TopUpRow, begin_topup
from router.testing import Gateway

__all__ = ["Till", "begin", "box_config"]

_OPERATOR = Actor("operator", "test")


class Till:
    """The parts of a gateway, in this process.

    Attributes:
        database: the gateway's.
    """

    def __init__(self, gateway: Gateway) -> None:
        environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self._assembly = assemble(gateway.config_path, {**environ, "MONEYBOX_SECRET": SECRET}, for_commands=True)
        self.database: Database = self._assembly.database

    def begin(self, account: str, credit: str) -> TopUpRow:
        """A top-up of an account by the moneybox."""
        return begin_topup(
            self._assembly.office,
            _OPERATOR,
            self._assembly.payments,
            account,
            "moneybox",
            int(Decimal(credit) * 10**9),
            form=uuid4().hex,
            return_url="http://localhost/app/topup/{topup}",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._assembly.close()


def begin(box: Gateway, account: str, credit: str) -> TopUpRow:
    """One top-up of an account."""
    with Till(box) as till:
        return till.begin(account, credit)


def box_config(bank: Bank, **more: Any) -> dict[str, Any]:
    """The configuration of a gateway whose customers pay by the moneybox."""
    return {
        "payments": {"methods": ["moneybox"], "poll_s": 1.0},
        "plugins": {"moneybox": {"bank": bank.url}},
        "server": {"grace_s": 2.0},
        **more,
    }
