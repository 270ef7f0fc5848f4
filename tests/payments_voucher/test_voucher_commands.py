"""``router vouchers``, as an operator types it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from router_plugins.voucher.codes import read_code

from router.testing import Gateway
from router.testing.gateway import CommandFailed

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    with Gateway(folder, providers={"echo": {}}, env={"ROUTER_ACTOR": "ada"}, start=False) as running:
        yield running


def test_codes_are_made_listed_and_revoked(gateway: Gateway) -> None:
    made = gateway.router(
        *("vouchers", "make", "--amount", "10", "--count", "5", "--campaign", "spring", "--expires", "30d")
    )
    assert len({one["code"] for one in made}) == 5 and all(read_code(one["code"]) for one in made)
    assert {(one["amount"], one["currency"], one["campaign"]) for one in made} == {("10.00", "USD", "spring")}
    year = time.strftime("%Y", time.gmtime(time.time() + 30 * 86_400))
    assert all(one["expires_at"].startswith(year) for one in made)
    gateway.router("vouchers", "make", "--amount", "0.5", "--granted", "--lasts", "90d")
    assert gateway.router("vouchers", "list", "--state", "open")[0]["kind"] == "granted for 90 days"
    [entry] = [one for one in gateway.router("audit", "show") if one["subject"] == "spring"]
    assert (entry["action"], entry["actor"], entry["detail"]["codes"]) == ("voucher make", "ada", 5)
    listed = gateway.router("vouchers", "list", "--campaign", "spring")
    assert {(one["id"], one["ends_with"]) for one in listed} == {(one["id"], one["code"][-5:]) for one in made}
    assert {(one["state"], one["made_by"]) for one in listed} == {("open", "ada")}
    assert not [one for one in made if one["code"] in str(listed)]
    ids = [made[0]["id"], made[1]["id"]]
    assert gateway.router("vouchers", "revoke", *ids, "--reason", "leaked") == {"revoked": ids}
    assert {one["id"] for one in gateway.router("vouchers", "list", "--state", "revoked")} == set(ids)
    assert len(gateway.router("vouchers", "revoke", "--campaign", "spring")["revoked"]) == 3
    assert [one["amount"] for one in gateway.router("vouchers", "list", "--state", "open")] == ["0.50"]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("make", "--amount", "ten"), "is not an amount"),
        (("make", "--amount", "0"), "above zero"),
        (("make", "--amount", "-1"), "is not an amount"),
        (("make", "--amount", "1", "--count", "0"), "From 1 to 10000"),
        (("make", "--amount", "1", "--expires", "soon"), "neither a duration"),
        (("make", "--amount", "1", "--expires", "2020-01-01"), "over at once"),
        (("make", "--amount", "1", "--lasts", "90d"), "granted credit"),
        (("make", "--amount", "1", "--granted", "--lasts", "long"), "no duration"),
        (("make",), "--amount"),
        (("revoke",), "by their IDs"),
        (("revoke", "vch_nothing"), "There is no code 'vch_nothing'"),
        (("list", "--state", "odd"), "odd"),
    ],
)
def test_what_cannot_be_done_is_told(gateway: Gateway, command: tuple[str, ...], told: str) -> None:
    with pytest.raises(CommandFailed) as failed:
        gateway.router("vouchers", *command)
    assert told in str(failed.value) and "Traceback" not in str(failed.value)
