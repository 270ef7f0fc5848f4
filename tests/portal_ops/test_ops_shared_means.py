"""Limits and abuse tells which means of payment several accounts left; what is no page of the console stands in it."""

from __future__ import annotations

import pytest
from ops_kit import PROGRAM, Operator, office_of, text_of
from portal_site import PortalSite

from router.office import accounts
from router.store.payments.means import MeansRow, forget_means, insert_means

pytestmark = pytest.mark.slow

TITLE = "The same means of payment in several accounts"
SECRET = "fp_that_nobody_reads"


def shared(operator: Operator) -> str:
    page = operator.read("/ops/abuse")
    return page.partition('id="shared"')[2].partition("</section>")[0]


def test_accounts_with_the_same_means_stand_together(site: PortalSite, operator: Operator) -> None:
    assert "None that is known" in shared(operator)
    with office_of(site) as office:
        ids = [accounts.create_account(office, PROGRAM, f"Card <{number}>").id for number in range(4)]

        def leave(number: int, account: int, fingerprint: str, method: str = "card") -> None:
            key = f"{number:016d}"
            row = MeansRow(f"mean_{key}", method, ids[account], "", key, f"Visa {number}", fingerprint, 1e9 + number)
            office.database.write(lambda connection: insert_means(connection, row, row.created_at))

        leave(1, 0, SECRET)
        leave(2, 0, SECRET)  # twice in one account is no matter
        leave(3, 1, "")
        leave(4, 2, "")  # means of which no fingerprint is known are not the same
        leave(5, 3, SECRET, "other")  # nor are those of another method
        assert "None that is known" in shared(operator)
        leave(6, 2, SECRET)
        office.database.write(lambda connection: forget_means(connection, 2e9, account_id=ids[0]))
    part = shared(operator)
    assert SECRET not in part and "<0>" not in part
    assert part.count("<tr>") == 2 and "Visa 6" not in part and "card" in text_of(part)
    first, second = (part.index(f'<a href="/ops/accounts/{ids[number]}"><bdi>Card &lt;{number}') for number in (0, 2))
    assert first < second and ids[1] not in part and ids[3] not in part


def test_more_than_are_shown_are_told(site: PortalSite, operator: Operator) -> None:
    with office_of(site) as office:
        ids = [accounts.create_account(office, PROGRAM, f"Many {number}").id for number in range(2)]
        for number in range(42):
            key, account = f"many{number:012d}", ids[number % 2]
            row = MeansRow(f"mean_{key}", "card", account, "", key, "Visa", f"many_{number // 2}", 2e9 + number)
            office.database.write(lambda connection, row=row: insert_means(connection, row, row.created_at))
    part = shared(operator)
    assert part.count("<tr>") == 21 and "The latest 20; there are more." in part


def test_what_is_no_page_of_the_console_stands_in_it(operator: Operator) -> None:
    for path in ("/ops/nothing", "/ops/accounts/acct_aaaaaaaaaaaaaaaa"):
        page = operator.read(path, 404)
        assert 'href="/ops/abuse"' in page and "/app/login" not in page
