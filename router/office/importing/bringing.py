"""What was found at another gateway, brought into this one: all of it in one transaction, and each row once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

from router.catalogue.snapshot import Snapshot
from router.db.transaction import Transaction
from router.errors import BadRequest, ConfigError, Conflict, NotFound
from router.ledger.transfers import post_grant
from router.money.amounts import NANO, format_nano
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.entries import entry_of
from router.office.importing.records import ForeignAccount, ForeignKey, ForeignModel, FoundElsewhere, OddRow
from router.office.models import refuse_pinned
from router.office.office import Office
from router.store import accounts as account_table
from router.store.audit import insert_audit
from router.store.limits import Subject, set_limits
from router.store.lookup import find_key
from router.store.models import upsert_model
from router.store.taken_keys import take_key
from router.types.keys import Budget

__all__ = ["Brought", "BroughtRow", "bring"]

_WRITE_S = 600.0
_NAME_MAX = 100
_SPENDING = ("spend_per_day", "spend_per_month")


@dataclass(frozen=True, slots=True)
class BroughtRow:
    """One thing that was made here.

    Attributes:
        kind: ``account``, ``credit``, ``key`` or ``model``.
        source: the row that it was made of.
        id: what it is here; of credit, its account.
        detail: a name or an amount.
    """

    kind: str
    source: str
    id: str
    detail: str


@dataclass(slots=True)
class Brought:
    """What came of it.

    Attributes:
        made: what was made, or would be.
        known: how many rows had been taken over before, or were here.
        bad: rows that cannot be taken over.
        left: rows that mean nothing here.
        notes: rows that were taken over, and what was decided about them.
        applied: whether it was done.
    """

    made: list[BroughtRow] = field(default_factory=list)
    known: int = 0
    bad: list[OddRow] = field(default_factory=list)
    left: Sequence[OddRow] = ()
    notes: list[OddRow] = field(default_factory=list)
    applied: bool = False


class _UndoneError(Exception):
    """Raised to undo a transaction that was only tried."""


def bring(
    office: Office,
    actor: Actor,
    findings: FoundElsewhere,
    *,
    label: str = "",
    usd_rate_nano: int | None = None,
    dry_run: bool = False,
    skip_bad: bool = False,
) -> Brought:
    """Make accounts, credit, keys and models of what was found. What was taken over before stays as it is now.

    Args:
        label: tells two gateways of one program apart, in references; the program's name where empty.
        usd_rate_nano: the balance currency for one USD; needed for amounts where that is another.
        dry_run: undo it all; what it would have come to is told.
        skip_bad: do the rest where rows cannot be taken over; else nothing is done then.

    Raises:
        BadRequest: there are amounts, and no rate for them.
        ConfigError: the balances are in another currency than the configuration's.
        StoreError: the database does not answer.
    """
    rate = _rate(office, findings, usd_rate_nano)
    result = Brought(bad=list(findings.bad), left=findings.left)

    def change(transaction: Transaction) -> Change[Brought]:
        work = _Bringing(office, actor, transaction, label or findings.program, rate, result)
        work.all(findings)
        if dry_run or (result.bad and not skip_bad):
            raise _UndoneError
        result.applied = True
        counts = {kind: sum(row.kind == kind for row in result.made) for kind in ("account", "credit", "key", "model")}
        return Change(result, work.label, {**counts, "skipped": len(result.bad)}, made=bool(result.made))

    try:
        return write(office, actor, f"import {findings.program}", change, timeout_s=_WRITE_S)
    except _UndoneError:
        return result


def _rate(office: Office, findings: FoundElsewhere, given: int | None) -> int:
    if given is not None:
        return given
    money = any(one.credit_nano or set(one.limits) & set(_SPENDING) for one in findings.accounts)
    if office.currency != "USD" and (money or any(key.budget for key in findings.keys)):
        raise BadRequest(
            f"The amounts there are in USD, those here in {office.currency}: --usd-rate says how much one USD is."
        )
    return NANO


class _Bringing:
    """One run, within its transaction."""

    def __init__(
        self, office: Office, actor: Actor, transaction: Transaction, label: str, rate: int, result: Brought
    ) -> None:
        self._office = office
        self._actor = actor
        self._transaction = transaction
        self._rate = rate
        self._result = result
        self._accounts: dict[str, str] = {}  # those that are here by now
        self.label = label

    def all(self, findings: FoundElsewhere) -> None:
        for account in findings.accounts:
            with self._row(account.source):
                self._account(account)
        for key in findings.keys:
            with self._row(key.source):
                self._key(key)
        for model in findings.models:
            with self._row(model.source):
                self._model(model)

    @contextmanager
    def _row(self, source: str) -> Iterator[None]:
        """Whatever the row makes, or nothing of it."""
        made = len(self._result.made)
        try:
            with self._transaction.connection.savepoint():
                yield
        except (BadRequest, NotFound, Conflict, ConfigError) as error:
            del self._result.made[made:]
            self._result.bad.append(OddRow(source, error.message))

    def _account(self, account: ForeignAccount) -> None:
        digest = hashlib.sha256(f"{self.label}\n{account.source}".encode("utf-8", "surrogatepass")).hexdigest()
        id = f"acct_{digest[:16]}"
        try:
            account_table.get_account(self._transaction, id)
            self._result.known += 1
        except NotFound:
            name = account.name[:_NAME_MAX]
            account_table.create_account(self._transaction, name, id=id)
            self._told("account", account.source, id, name)
            self._limit(Subject("account", id), account.limits)
            if account.suspended:
                account_table.set_account_status(self._transaction, id, "suspended")
            amount = account.credit_nano * self._rate // NANO
            if amount:
                self._credit(account.source, id, amount)
        self._accounts[account.source] = id

    def _credit(self, source: str, account: str, amount_nano: int) -> None:
        reference = f"import:{self.label}:{source}"
        reason = f"taken over from {self.label}"
        made = post_grant(self._transaction.connection, account, amount_nano, reason=reason, reference=reference)
        shown = format_nano(amount_nano)
        detail = {"account": account, "reference": reference, "amount": shown, "reason": reason, "made": made.reference}
        insert_audit(self._transaction.connection, entry_of(self._actor, "credits grant", account, detail))
        self._told("credit", source, account, shown)

    def _key(self, key: ForeignKey) -> None:
        account = self._accounts.get(key.account)
        if account is None:
            raise BadRequest(f"its account ({key.account}) was not taken over")
        there = find_key(self._transaction, key.digest)
        if there is not None:
            if there.key.account != account:
                raise BadRequest(f"its key is here already, as {there.key.id} of another account")
            self._result.known += 1
            return
        budget = None
        if key.budget is not None:
            budget = Budget(key.budget.amount_nano * self._rate // NANO, key.budget.period)
        row = take_key(
            self._transaction,
            account,
            key.name[:_NAME_MAX],
            digest=key.digest,
            hint=key.hint,
            expires_at=key.expires_at,
            scope=key.scope,
            budget=budget,
            disabled=key.disabled,
        )
        self._told("key", key.source, row.id, row.name)
        self._limit(Subject("key", row.id), key.limits)
        if key.note:
            self._result.notes.append(OddRow(key.source, key.note))

    def _limit(self, subject: Subject, limits: Mapping[str, int]) -> None:
        converted = {name: most * self._rate // NANO if name in _SPENDING else most for name, most in limits.items()}
        if converted:
            set_limits(self._transaction, subject, converted, defined=self._office.settings.limits.tiers)

    def _model(self, model: ForeignModel) -> None:
        self._office.shelf.provider(model.provider)
        refuse_pinned(self._office, model.public_id)
        entry = self._snapshot.entries.get(model.public_id)
        if entry is not None and (entry.provider, entry.card.model) == (model.provider, model.model):
            self._result.known += 1
            return
        if entry is not None or model.public_id in self._snapshot.aliases:
            raise BadRequest(f"{model.public_id!r} is here already, and means something else: remove that first")
        card = {"given": dict(model.facts)} if model.facts else {}
        upsert_model(
            self._transaction, model.public_id, provider=model.provider, model=model.model, kind=model.kind, card=card
        )
        self._told("model", model.source, model.public_id, f"{model.provider}: {model.model}")

    @cached_property
    def _snapshot(self) -> Snapshot:
        return self._office.shelf.within(self._transaction).snapshot

    def _told(self, kind: str, source: str, id: str, detail: str) -> None:
        self._result.made.append(BroughtRow(kind, source, id, detail))
