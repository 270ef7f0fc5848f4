"""One portal for the console's tests, with customers, and an operator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ops_kit import PROGRAM, Operator, a_call, office_of, seed_calls
from portal_site import Client, PortalSite, start_portal

from router.money.amounts import NANO
from router.office import accounts, credits, keys
from router.store.payments.topups import TopUpRow, insert_topup
from router.types.records import Attempt


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalSite]:
    tiers = {"regular": {"after": "none", "days": 1000, "paid": "20"}}
    folder = tmp_path_factory.mktemp("console")
    config = {"payments": {"methods": ["voucher"]}, "limits": {"tiers": tiers}}
    with start_portal(folder, config=config, proof_of_work=False, free_credit="5") as running:
        yield running


@pytest.fixture(scope="session")
def operator(site: PortalSite) -> Operator:
    return Operator(site).become()


@pytest.fixture(scope="session")
def customer(site: PortalSite) -> Client:
    made = Client(site)
    made.email = made.sign_up(name="Cleo")  # type: ignore[attr-defined]
    return made


@pytest.fixture(scope="session")
def topup(site: PortalSite, account: str) -> str:
    """A top-up of that account that was begun and not paid."""
    row = TopUpRow("top_0123456789abcdef", "voucher", account, "", "started", 1000, "USD", 2, NANO, 10 * NANO, 1e9, 1e9)
    with office_of(site) as office:
        office.database.write(lambda connection: insert_topup(connection, row))
    return row.id


@pytest.fixture(scope="session")
def account(site: PortalSite, customer: Client) -> str:
    """A customer's account with 50 units, a key ``main``, and three calls, of one of which the cost is not known."""
    with office_of(site) as office:
        account_id = accounts.list_accounts(office)[-1].id
        accounts.rename_account(office, PROGRAM, account_id, "Cleo & Sons <b>")
        credits.grant_credit(office, PROGRAM, account_id, 50 * NANO, reason="start")
        key = keys.create_key(office, PROGRAM, account_id, "main").row.id
        failed = Attempt("echo", "echo", "server", 502, 5, "bad gateway <script>")
        seed_calls(
            office,
            a_call(1, account_id, key, charge_nano=3 * NANO, cost_nano=1_234_567_891),
            a_call(2, account_id, key, charge_nano=1 * NANO, cost_nano=None),
            a_call(3, account_id, key, ending="error", status=502, error_code="upstream", attempts=(failed,)),
        )
    return account_id


@pytest.fixture(scope="session")
def key(site: PortalSite, account: str) -> str:
    """Its key's ID."""
    with office_of(site) as office:
        return next(row.id for row in keys.list_keys(office, account) if row.name == "main")
