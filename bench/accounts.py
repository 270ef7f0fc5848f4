"""``python accounts.py URL FOLDER COUNT NANO``: accounts that can pay for what is measured, each with a key.

A program of its own, so that the modules that write into a database are those of the tree that serves it.
"""

from __future__ import annotations

import json
import sys
from contextlib import closing
from pathlib import Path

from router.ledger.transfers import grant
from router.store.accounts import create_account
from router.store.keys import create_key
from router.store.opening import open_database
from router.types.keys import Budget


def main(url: str, folder: str, count: str, credit_nano: str) -> None:
    """Make them, and print the keys as a JSON list."""
    keys = []
    with closing(open_database(url, Path(folder))) as database:
        for number in range(int(count)):
            account = create_account(database, f"account {number}").id
            grant(database, account, int(credit_nano), reason="bench")
            keys.append(create_key(database, account, "key", budget=Budget(int(credit_nano), "month"))[1])
    print(json.dumps(keys))


if __name__ == "__main__":
    main(*sys.argv[1:])
