"""Codes in their table: made, claimed once, revoked, listed; each change stands in the audit log with who made it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router_plugins.voucher.codes import digest_of, hint_of, new_code, read_code

from router import BadRequest, NotFound, PluginConnection, PluginContext
from router.money import format_nano

__all__ = ["KINDS", "STATES", "TABLES", "Codes", "Made", "state_of"]

TABLES = """
CREATE TABLE voucher_codes (
    id TEXT PRIMARY KEY, digest TEXT NOT NULL UNIQUE, hint TEXT NOT NULL, campaign TEXT NOT NULL,
    amount_nano BIGINT NOT NULL CHECK (amount_nano > 0), currency TEXT NOT NULL,
    made_at DOUBLE PRECISION NOT NULL, made_by TEXT NOT NULL, expires_at DOUBLE PRECISION,
    claimed_by TEXT NOT NULL DEFAULT '', claimed_at DOUBLE PRECISION, revoked_at DOUBLE PRECISION
);
CREATE INDEX voucher_codes_claimed ON voucher_codes (claimed_at);
CREATE INDEX voucher_codes_campaign ON voucher_codes (campaign, made_at);
CREATE TABLE voucher_changes (
    id TEXT PRIMARY KEY, at DOUBLE PRECISION NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
    about TEXT NOT NULL, reason TEXT NOT NULL
);
CREATE INDEX voucher_changes_at ON voucher_changes (at);
"""
KINDS = """
ALTER TABLE voucher_codes ADD COLUMN granted BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE voucher_codes ADD COLUMN lasts_s DOUBLE PRECISION;
"""
_CLAIM = """
UPDATE voucher_codes SET claimed_by = ?, claimed_at = ?
WHERE digest = ? AND claimed_by = '' AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)
"""
_INSERT = """
INSERT INTO voucher_codes
    (id, digest, hint, campaign, amount_nano, currency, made_at, made_by, expires_at, granted, lasts_s) VALUES
"""
_STATE = """
CASE WHEN claimed_by <> '' THEN 'used' WHEN revoked_at IS NOT NULL THEN 'revoked'
WHEN expires_at IS NOT NULL AND expires_at <= ? THEN 'expired' ELSE 'open' END
"""
_LIST = f"""
SELECT * FROM voucher_codes WHERE (campaign = ? OR ? = '') AND (? = '' OR {_STATE} = ?)
ORDER BY made_at DESC, id LIMIT ?
"""  # noqa: S608 - two texts of ours
_ROWS = 100
_AGAIN_S = 600.0
"""How long who used a code is told the same again: a click twice is no second use."""
_MADE_MAX = 10_000
_LASTS_MAX_S = 10 * 366 * 86_400.0
_LISTED_MAX = 1000
NO_CODE = "That is no code. Look whether a letter is missing or mistyped."
USED = "This code was used."
OVER = "This code is over."

STATES = ("open", "used", "revoked", "expired")

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Made:
    """A new code, whose text is nowhere else."""

    id: str
    code: str


def state_of(row: Row, now: float) -> str:
    """``open``, ``used``, ``revoked`` or ``expired``."""
    if row["claimed_by"]:
        return "used"
    if row["revoked_at"] is not None:
        return "revoked"
    return "expired" if row["expires_at"] is not None and row["expires_at"] <= now else "open"


class Codes:
    """The codes of one gateway."""

    def __init__(self, context: PluginContext, clock: Callable[[], float] = time.time) -> None:
        self._database, self._clock = context.database, clock
        self._currency = context.currency

    def make(
        self,
        actor: str,
        amount_nano: int,
        count: int,
        campaign: str,
        expires_at: float | None,
        *,
        granted: bool = False,
        lasts_s: float | None = None,
    ) -> list[Made]:
        """New codes of one worth.

        Args:
            granted: nobody pays for them: what they credit is granted, and not paid.
            lasts_s: how long granted credit lasts once a code is used; None for ever.

        Raises:
            BadRequest: what is wanted makes no sense.
        """
        now = self._clock()
        if not 0 < amount_nano <= 10**18:
            raise BadRequest("An amount above zero is wanted, and at most a billion.", param="amount")
        if not 0 < count <= _MADE_MAX:
            raise BadRequest(f"From 1 to {_MADE_MAX} codes can be made at a time.", param="count")
        if expires_at is not None and expires_at <= now:
            raise BadRequest("The codes would be over at once: name a day that is yet to come.", param="expires")
        if len(campaign) > 100 or not campaign.isprintable():
            raise BadRequest("A campaign's name has at most 100 characters that show.", param="campaign")
        if lasts_s is not None and not (granted and 0 < lasts_s <= _LASTS_MAX_S):
            told = "Credit that ends is granted credit, for ten years at most: say both, or neither."
            raise BadRequest(told, param="lasts")
        made = [Made(f"vch_{secrets.token_hex(8)}", new_code()) for _ in range(count)]

        def write(connection: PluginConnection) -> None:
            for start in range(0, count, _ROWS):
                some = made[start : start + _ROWS]
                values = ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"] * len(some))
                shared = (campaign, amount_nano, self._currency, now, actor, expires_at, granted, lasts_s)
                rows = [(one.id, digest_of(one.code), hint_of(one.code), *shared) for one in some]
                connection.execute(_INSERT + values, [value for row in rows for value in row])
            worth = {"codes": count, "amount": f"{format_nano(amount_nano, 2)} {self._currency}", "granted": granted}
            connection.audit("make", made[0].id if count == 1 else campaign, worth, actor=actor, kind="operator")

        self._database.write(write)
        return made

    def claim(self, account: str, typed: str) -> Row:
        """The row of a code that is the account's from now on, and nobody else's.

        Raises:
            BadRequest: it is no code, was used, or is over.
        """
        letters = read_code(typed)
        if not letters:
            raise BadRequest(NO_CODE, param="code")
        digest, now = digest_of(letters), self._clock()

        def write(connection: PluginConnection) -> tuple[Row | None, bool]:
            claimed = connection.execute(_CLAIM, (account, now, digest, now)) == 1
            row = connection.row("SELECT * FROM voucher_codes WHERE digest = ?", (digest,))
            if claimed and row is not None:
                connection.audit("use", row["id"], {"account": account})
            return row, claimed

        row, claimed = self._database.write(write)
        if row is None:
            raise BadRequest(NO_CODE, param="code")
        state = state_of(row, now)
        if not claimed and (row["claimed_by"] != account or now - row["claimed_at"] > _AGAIN_S):
            raise BadRequest(USED if state == "used" else OVER, param="code")
        return row

    def revoke(self, actor: str, ids: Sequence[str], campaign: str, reason: str) -> list[str]:
        """Take back codes that nobody has used: of these IDs, or all of a campaign. The IDs of those that were.

        Raises:
            NotFound: there is no code of an ID.
            BadRequest: a code of an ID was used.
        """
        now = self._clock()

        def write(connection: PluginConnection) -> list[str]:
            wanted = [_one(connection, code_id) for code_id in ids]
            if used := [row["id"] for row in wanted if row["claimed_by"]]:
                raise BadRequest(f"{used[0]} was used: what it was worth is on its account.", param="id")
            if campaign:
                found = "SELECT * FROM voucher_codes WHERE campaign = ? AND claimed_by = '' AND revoked_at IS NULL"
                wanted += connection.rows(found, (campaign,))
            revoked = []
            for row in wanted:
                sql = "UPDATE voucher_codes SET revoked_at = ? WHERE id = ? AND claimed_by = '' AND revoked_at IS NULL"
                if connection.execute(sql, (now, row["id"])):
                    revoked.append(row["id"])
            if revoked:
                told = {"codes": len(revoked), "ids": ", ".join(revoked), "reason": reason}
                subject = revoked[0] if len(revoked) == 1 else campaign
                connection.audit("revoke", subject, told, actor=actor, kind="operator")
            return revoked

        return self._database.write(write)

    def listed(self, campaign: str = "", state: str = "", limit: int = _LISTED_MAX) -> list[dict[str, Any]]:
        """Codes, the newest first; of a campaign, or in a state, alone where one is named."""
        params = (campaign, campaign, state, self._clock(), state, limit)
        return self._database.read(lambda connection: connection.rows(_LIST, params))

    def counts(self) -> dict[str, int]:
        """State -> how many codes are in it."""
        sql = f"SELECT {_STATE} AS state, COUNT(*) AS codes FROM voucher_codes GROUP BY 1"  # noqa: S608 - texts of ours
        rows = self._database.read(lambda connection: connection.rows(sql, (self._clock(),)))
        return dict.fromkeys(STATES, 0) | {row["state"]: row["codes"] for row in rows}

    def claimed(self, since: float, limit: int = 1_000_000) -> list[dict[str, Any]]:
        """Codes that were used since a time, the oldest first."""
        sql = "SELECT * FROM voucher_codes WHERE claimed_by <> '' AND claimed_at >= ? ORDER BY claimed_at, id LIMIT ?"
        return self._database.read(lambda connection: connection.rows(sql, (since, limit)))


def _one(connection: PluginConnection, code_id: str) -> Row:
    row = connection.row("SELECT * FROM voucher_codes WHERE id = ?", (code_id,))
    if row is None:
        raise NotFound(f"There is no code {code_id!r}: `router vouchers list` has their IDs.", param="id")
    return row
