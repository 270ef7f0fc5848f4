"""Every write of the office: its entry stands beside the change, and neither without the other."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import pytest
from office_kit import ADA, entries

from router.db.connection import Connection
from router.errors import BadRequest, ConfigError, Conflict, NotFound, RouterError
from router.money.prices import Price
from router.office import accounts, credits, fallbacks, keys, limits, models, prices, providers, usage
from router.office import audit as audit_log
from router.office.actor import Actor
from router.office.limits import Subject
from router.office.office import Office
from router.types.keys import Budget

pytestmark = pytest.mark.slow

PRICE = Price.per_million(input="1", output="2")


class Write(NamedTuple):
    """One function, what must be there before it, and what tells whether it was done."""

    action: str
    run: Callable[[Office, Actor, str, str], Any]
    before: Callable[[Office, Actor, str, str], Any] = lambda *_: None


WRITES = [
    Write("accounts create", lambda o, a, i, k: accounts.create_account(o, a, "New")),
    Write("init", lambda o, a, i, k: accounts.create_first_account(o, a, 5)),
    Write("accounts rename", lambda o, a, i, k: accounts.rename_account(o, a, i, "Other")),
    Write("accounts suspend", lambda o, a, i, k: accounts.suspend_account(o, a, i, now=True)),
    Write(
        "accounts resume",
        lambda o, a, i, k: accounts.resume_account(o, a, i),
        lambda o, a, i, k: accounts.suspend_account(o, a, i),
    ),
    Write(
        "accounts tier",
        lambda o, a, i, k: accounts.set_tier(o, a, i, "gold"),
        lambda o, a, i, k: limits.set_limits(o, a, Subject("tier", "gold"), {"concurrent": 3}),
    ),
    Write(
        "accounts price-list",
        lambda o, a, i, k: accounts.set_price_list(o, a, i, "vip"),
        lambda o, a, i, k: prices.set_price(o, a, "echo/echo", PRICE, "vip"),
    ),
    Write("keys create", lambda o, a, i, k: keys.create_key(o, a, i, "new", scope=["echo/echo"])),
    Write("keys limit", lambda o, a, i, k: keys.change_key(o, a, k, {"budget_nano": 7, "budget_period": "day"})),
    Write("keys disable", lambda o, a, i, k: keys.disable_key(o, a, k, now=True)),
    Write(
        "keys enable",
        lambda o, a, i, k: keys.enable_key(o, a, k),
        lambda o, a, i, k: keys.disable_key(o, a, k),
    ),
    Write("keys revoke", lambda o, a, i, k: keys.revoke_key(o, a, k)),
    Write("keys rotate", lambda o, a, i, k: keys.rotate_key(o, a, k, grace_s=0)),
    Write("credits grant", lambda o, a, i, k: credits.grant_credit(o, a, i, 5, reason="r")),
    Write("credits adjust", lambda o, a, i, k: credits.adjust_credit(o, a, i, 5, reason="r")),
    Write("limits set", lambda o, a, i, k: limits.set_limits(o, a, Subject("key", k), {"concurrent": 2})),
    Write(
        "limits set",
        lambda o, a, i, k: limits.clear_limits(o, a, Subject("account", i)),
        lambda o, a, i, k: limits.set_limits(o, a, Subject("account", i), {"concurrent": 2}),
    ),
    Write("models price", lambda o, a, i, k: prices.set_price(o, a, "echo/echo", PRICE)),
    Write(
        "models price",
        lambda o, a, i, k: prices.remove_price(o, a, "echo/echo"),
        lambda o, a, i, k: prices.set_price(o, a, "echo/echo", PRICE),
    ),
    Write("models add", lambda o, a, i, k: models.add_model(o, a, "mine", provider="echo", model="echo")),
    Write("models disable", lambda o, a, i, k: models.set_model_enabled(o, a, "echo/echo", False)),
    Write("models enable", lambda o, a, i, k: models.set_model_enabled(o, a, "echo/echo", True)),
    Write(
        "models remove",
        lambda o, a, i, k: models.remove_model(o, a, "mine"),
        lambda o, a, i, k: models.add_model(o, a, "mine", provider="echo", model="echo"),
    ),
    Write("models alias", lambda o, a, i, k: models.set_alias(o, a, "fast", "echo/echo")),
    Write(
        "models alias",
        lambda o, a, i, k: models.remove_alias(o, a, "fast"),
        lambda o, a, i, k: models.set_alias(o, a, "fast", "echo/echo"),
    ),
    Write("fallbacks set", lambda o, a, i, k: fallbacks.set_fallbacks(o, a, "echo/echo", ["echo/embed"])),
    Write(
        "fallbacks clear",
        lambda o, a, i, k: fallbacks.clear_fallbacks(o, a, "echo/echo"),
        lambda o, a, i, k: fallbacks.set_fallbacks(o, a, "echo/echo", ["echo/embed"]),
    ),
    Write("providers set-key", lambda o, a, i, k: providers.store_key(o, a, "openai", 0, "secret-of-openai")),
    Write(
        "providers set-key",
        lambda o, a, i, k: providers.forget_key(o, a, "openai", 0),
        lambda o, a, i, k: providers.store_key(o, a, "openai", 0, "secret-of-openai"),
    ),
    Write(
        "providers remove",
        lambda o, a, i, k: providers.forget_keys(o, a, "openai"),
        lambda o, a, i, k: providers.store_key(o, a, "openai", 0, "secret-of-openai"),
    ),
    Write("usage prune", lambda o, a, i, k: usage.prune_calls(o, a, 1_000_000.0)),
]
EVERY = pytest.mark.parametrize("write", WRITES, ids=lambda write: write.action.replace(" ", "-"))

_CATALOGUE = ("models", "aliases", "fallbacks", "prices", "provider_keys")
TABLES = ("accounts", "api_keys", "limits", "transfers", "balances", "audit", "chains", *_CATALOGUE)

EVE = Actor("person", "psn_1", session="ses_2", address="2001:db8::1")


def everything(office: Office) -> dict[str, list[tuple[Any, ...]]]:
    """The rows that operators change, and those of the audit log."""
    return {name: sorted(office.database.read(partial(_rows, name)), key=repr) for name in TABLES}


def _rows(table: str, connection: Connection) -> list[tuple[Any, ...]]:
    return connection.tuples(f"SELECT * FROM {table}")


@pytest.fixture
def key(office: Office, account: str) -> str:
    return keys.create_key(office, ADA, account, "first").row.id


@EVERY
def test_a_write_leaves_one_entry_with_its_actor(office: Office, account: str, key: str, write: Write) -> None:
    write.before(office, ADA, account, key)
    count = len(entries(office))
    write.run(office, EVE, account, key)
    found = entries(office)
    assert len(found) == count + 1
    assert found[0][:5] == (write.action, "psn_1", "person", "ses_2", "2001:db8::1")
    entry = audit_log.list_audit(office, actor="psn_1")[0]
    assert (entry.kind, entry.session, entry.address) == ("person", "ses_2", "2001:db8::1")


@EVERY
def test_a_write_whose_entry_fails_is_not_done(
    office: Office, account: str, key: str, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write.before(office, ADA, account, key)
    before = everything(office)

    def full(*_: object, **__: object) -> int:
        raise Conflict("the log is full")

    monkeypatch.setattr(audit_log, "insert_audit", full)
    with pytest.raises(Conflict, match="the log is full"):
        write.run(office, EVE, account, key)
    assert everything(office) == before


@EVERY
def test_a_transaction_that_is_lost_behind_the_entry_leaves_neither(
    office: Office, account: str, key: str, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write.before(office, ADA, account, key)
    before = everything(office)
    insert = audit_log.insert_audit

    def killed(*arguments: Any, **options: Any) -> int:
        insert(*arguments, **options)
        raise SystemExit("killed")

    monkeypatch.setattr(audit_log, "insert_audit", killed)
    with pytest.raises(SystemExit):
        write.run(office, EVE, account, key)
    assert everything(office) == before


REFUSALS: dict[str, tuple[Callable[[Office, str, str], Any], type[RouterError], str]] = {
    "account": (
        lambda o, i, k: accounts.rename_account(o, EVE, "acct_none", "x"),
        NotFound,
        "no account 'acct_none'",
    ),
    "credit": (lambda o, i, k: credits.grant_credit(o, EVE, "acct_none", 5, reason="r"), NotFound, "no account"),
    "charge": (
        lambda o, i, k: credits.refund_call(o, EVE, "req_none", reason="r"),
        NotFound,
        "Nothing was charged",
    ),
    "too much": (lambda o, i, k: credits.adjust_credit(o, EVE, i, -5, reason="r"), BadRequest, "available"),
    "owner": (lambda o, i, k: keys.create_key(o, EVE, "acct_none", "x"), NotFound, "no account"),
    "scope": (lambda o, i, k: keys.create_key(o, EVE, i, "x", scope=["echo/ecko"]), NotFound, "echo/echo"),
    "key": (lambda o, i, k: keys.revoke_key(o, EVE, "key_none"), NotFound, "no key key_none"),
    "text": (lambda o, i, k: keys.revoke_key(o, EVE, "sk-notanid" * 5), NotFound, "no key of that kind"),
    "period": (lambda o, i, k: keys.change_key(o, EVE, k, {"budget_period": "day"}), BadRequest, "no budget"),
    "tier": (lambda o, i, k: accounts.set_tier(o, EVE, i, "gold"), NotFound, "no tier 'gold'"),
    "list": (lambda o, i, k: accounts.set_price_list(o, EVE, i, "vip"), NotFound, "no price list 'vip'"),
    "limit": (
        lambda o, i, k: limits.set_limits(o, EVE, Subject("key", "key_none"), {"concurrent": 1}),
        NotFound,
        "no key",
    ),
    "limits": (lambda o, i, k: limits.clear_limits(o, EVE, Subject("account", i)), NotFound, "no limits"),
    "no tier": (
        lambda o, i, k: limits.set_limits(o, EVE, Subject("tier", "none"), {"concurrent": 1}),
        BadRequest,
        "none",
    ),
    "model": (lambda o, i, k: models.set_model_enabled(o, EVE, "echo/ecko", False), NotFound, "echo/echo"),
    "listed": (lambda o, i, k: models.remove_model(o, EVE, "echo/echo"), BadRequest, "models disable"),
    "provider": (lambda o, i, k: models.add_model(o, EVE, "x", provider="ecko", model="m"), NotFound, "'echo'"),
    "alias": (lambda o, i, k: models.remove_alias(o, EVE, "fast"), NotFound, "no alias 'fast'"),
    "circle": (lambda o, i, k: models.set_alias(o, EVE, "a", "a"), BadRequest, "circle"),
    "fallback": (lambda o, i, k: fallbacks.clear_fallbacks(o, EVE, "echo/echo"), NotFound, "no fallbacks"),
    "round": (lambda o, i, k: fallbacks.set_fallbacks(o, EVE, "echo/echo", ["echo/echo"]), BadRequest, "circle"),
    "price": (lambda o, i, k: prices.remove_price(o, EVE, "echo/echo"), NotFound, "no price"),
    "place": (lambda o, i, k: providers.store_key(o, EVE, "openai", 3, "secret"), BadRequest, "no"),
    "no key": (lambda o, i, k: providers.store_key(o, EVE, "openai", 0, "two words"), BadRequest, "no key"),
    "future": (lambda o, i, k: usage.prune_calls(o, EVE, 1e11), BadRequest, "past"),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_a_refusal_says_what_and_leaves_nothing(office: Office, account: str, key: str, what: str) -> None:
    run, error, words = REFUSALS[what]
    before = everything(office)
    with pytest.raises(error) as caught:
        run(office, account, key)
    assert words in caught.value.message
    assert everything(office) == before


def test_no_secret_stands_in_an_entry(office: Office, account: str) -> None:
    made = keys.create_key(office, ADA, account, "mine", budget=Budget(10))
    credits.grant_credit(office, ADA, account, 5, reason=f"for {made.text} and sk-abcdefgh12345678")
    providers.store_key(office, ADA, "openai", 0, "secret-of-openai")
    keys.rotate_key(office, ADA, made.row.id, grace_s=60)
    told = repr(audit_log.list_audit(office))
    assert "***" in told and made.row.id in told
    for secret in (made.text, "sk-abcdefgh12345678", "secret-of-openai"):
        assert secret not in told


def test_an_entry_tells_what_was_before(office: Office, account: str) -> None:
    accounts.rename_account(office, ADA, account, "Theirs")
    prices.set_price(office, ADA, "echo/echo", PRICE)
    prices.remove_price(office, ADA, "echo/echo")
    removed, _, renamed = audit_log.list_audit(office, limit=3)
    assert renamed.detail == {"name": "Theirs", "before": "Ours"}
    assert removed.detail == {"remove": True, "before": {"input": "1", "output": "2"}}


def test_a_database_that_does_not_fit_is_not_written(office: Office, account: str) -> None:
    office.database.write(lambda c: c.execute("DELETE FROM schema_migrations WHERE title LIKE 'who acted%'"))
    with pytest.raises(ConfigError, match=r"lacks 1 migration.*router db migrate"):
        accounts.rename_account(office, ADA, account, "Other")
    assert accounts.get_account(office, account).name == "Ours"


@pytest.mark.parametrize(("kind", "name"), [("root", "Ada"), ("operator", "")])
def test_an_actor_is_of_a_kind_and_has_a_name(kind: str, name: str) -> None:
    with pytest.raises(ValueError, match="an actor"):
        Actor(kind, name)
