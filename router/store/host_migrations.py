"""The host's own tables, as numbered migrations, and what undoes the newest of them for who goes back to the release
before. A migration that was released never changes: add another. The first twelve are in ``early_migrations``, which
says what types are used.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from router.db.connection import Connection
from router.errors import BadRequest
from router.money.usage import UNITS as UNIT_NAMES
from router.store.accounts import OPERATORS
from router.store.audit import chain_as_before
from router.store.care.alerts import ALERTS
from router.store.care.circuits import CIRCUITS
from router.store.early_migrations import EARLY_MIGRATIONS
from router.store.kept.tables import RESPONSES, UNITS
from router.store.payments.tables import PAYMENTS
from router.store.people.tables import PEOPLE, PORTAL
from router.store.webhooks.tables import WEBHOOKS
from router.types.records import Migration

__all__ = ["BACK", "MIGRATIONS", "OWNER", "Back"]

OWNER = "router"
"""The owner of the host's migrations in ``schema_migrations``."""

_ENDINGS = """
CREATE TABLE endings (
    subject  TEXT NOT NULL PRIMARY KEY,     -- ID of a key or an account
    version  BIGINT NOT NULL,               -- calls let in under an older access version are to end
    reason   TEXT NOT NULL
);
CREATE INDEX endings_version ON endings (version);
"""

_SERVING = """
ALTER TABLE workers ADD COLUMN providers TEXT NOT NULL DEFAULT '';     -- JSON list of the active ones; '': not told
"""

_LOG = """
CREATE TABLE ledger_log (                   -- what batches changed and the ledger's other tables do not have yet
    seq      INTEGER NOT NULL PRIMARY KEY,
    effects  TEXT NOT NULL                  -- JSON: router.store.ledger_log.Effects
);
CREATE TABLE ledger_head (                  -- one row, which writers of the ledger lock
    name   TEXT NOT NULL PRIMARY KEY,
    epoch  BIGINT NOT NULL,                 -- counted up by every change that is not in the log
    seq    INTEGER NOT NULL                 -- PostgreSQL: of the log's last row
);
INSERT INTO ledger_head (name, epoch, seq) VALUES ('ledger', 0, 0);
"""

_NODES = f"""
ALTER TABLE workers ADD COLUMN about TEXT NOT NULL DEFAULT '';         -- JSON object of what it tells of itself
{CIRCUITS};
"""

_AUDIT_ACTORS = """
ALTER TABLE audit ADD COLUMN kind TEXT;                             -- of the actor; NULL: written before there were any
ALTER TABLE audit ADD COLUMN session TEXT;                          -- in which the actor was logged in; '': in none
ALTER TABLE audit ADD COLUMN address TEXT;                          -- from which the actor came; '': from this machine
CREATE INDEX audit_subject ON audit (subject, seq);
CREATE INDEX audit_actor ON audit (actor, seq);
"""

_OTHER_TRANSFERS = """
CREATE INDEX transfers_other ON transfers (debit, seq) WHERE kind <> 'usage';   -- what is taken, but not by calls
"""

_FAILED_CALLS = """
CREATE INDEX usage_failed ON usage (account_id, created_at) WHERE ending <> 'ok';   -- few, and looked for among many
"""

_PRICES_IN_TIME = """
ALTER TABLE prices RENAME TO prices_before;
CREATE TABLE prices (
    list        TEXT NOT NULL,              -- empty: what holds for everybody
    model       TEXT NOT NULL,              -- a public ID, or provider/model
    starts_at   DOUBLE PRECISION NOT NULL,  -- from when it holds, until a newer one does; created_at: not planned
    price       TEXT,                       -- JSON object: fields of router.types.Price; NULL: removed
    created_at  DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (list, model, starts_at)
);
INSERT INTO prices (list, model, starts_at, price, created_at)
    SELECT list, model, created_at, price, created_at FROM prices_before;
DROP TABLE prices_before;
"""

_TOTALS = """
CREATE TABLE usage_totals (                 -- usage_hours of all accounts and keys together, for the operator's pages
    hour               BIGINT NOT NULL,
    model              TEXT NOT NULL,
    provider           TEXT NOT NULL,
    calls              BIGINT NOT NULL,
    errors             BIGINT NOT NULL,
    prompt_tokens      BIGINT NOT NULL,
    cached_tokens      BIGINT NOT NULL,
    completion_tokens  BIGINT NOT NULL,
    reasoning_tokens   BIGINT NOT NULL,
    charge_nano        BIGINT NOT NULL,
    cost_nano          BIGINT NOT NULL,
    uncosted           BIGINT NOT NULL,
    images             BIGINT NOT NULL,
    milliseconds       BIGINT NOT NULL,
    characters         BIGINT NOT NULL,
    searches           BIGINT NOT NULL,
    requests           BIGINT NOT NULL,
    PRIMARY KEY (hour, model, provider)
);
INSERT INTO usage_totals (hour, model, provider, calls, errors, prompt_tokens, cached_tokens, completion_tokens,
    reasoning_tokens, charge_nano, cost_nano, uncosted, images, milliseconds, characters, searches, requests)
    SELECT hour, model, provider, SUM(calls), SUM(errors), SUM(prompt_tokens), SUM(cached_tokens),
        SUM(completion_tokens), SUM(reasoning_tokens), SUM(charge_nano), SUM(cost_nano), SUM(uncosted),
        SUM(images), SUM(milliseconds), SUM(characters), SUM(searches), SUM(requests)
    FROM usage_hours GROUP BY hour, model, provider;
"""

_ANSWER_IDS = """
ALTER TABLE usage ADD COLUMN answer_id TEXT NOT NULL DEFAULT '';        -- the upstream's; looked for among the newest
"""

MIGRATIONS: Sequence[Migration] = (
    *EARLY_MIGRATIONS,
    Migration(13, "calls that end with their key", _ENDINGS),
    Migration(14, "what workers serve", _SERVING),
    Migration(15, "the ledger's log", _LOG),
    Migration(16, "units beside tokens", UNITS),
    Migration(17, "kept responses", RESPONSES),
    Migration(18, "who acted, in which session, from where", _AUDIT_ACTORS),
    Migration(19, "people, and what a portal keeps", PEOPLE + PORTAL),
    Migration(20, "transfers that no call made", _OTHER_TRANSFERS),
    Migration(21, "calls that did not end well", _FAILED_CALLS),
    Migration(22, "payments, and kinds of credit", PAYMENTS),
    Migration(23, "prices with the moment from which they hold", _PRICES_IN_TIME),
    Migration(24, "what all accounts' calls come to by hour", _TOTALS),
    Migration(25, "what nodes tell each other", _NODES),
    Migration(26, "webhooks, and what is to be sent to them", WEBHOOKS),
    Migration(27, "alerts", ALERTS),
    Migration(28, "what providers call their answers", _ANSWER_IDS),
)
"""In order; numbers begin at 1 and have no gap."""


def _tables_of(sql: str) -> list[str]:
    """The tables that a migration makes, in its order."""
    return re.findall(r"CREATE TABLE (\w+)", sql)


_COUNTED = " OR ".join(f"{name} <> 0" for name in UNIT_NAMES)
_NO_ACTORS = "".join(f"ALTER TABLE audit DROP COLUMN {name};" for name in ("kind", "session", "address"))
_NO_HIDDEN = "UPDATE api_keys SET status = 'revoked' WHERE kind = 'hidden';"  # the release before would list them
_NO_OPERATORS = f"DELETE FROM api_keys WHERE kind = 'operator'; DELETE FROM accounts WHERE id = '{OPERATORS}';"  # noqa: S608
_DROPPED = "".join(f"ALTER TABLE usage_hours DROP COLUMN {name};" for name in UNIT_NAMES)


_PRICES_AT_ONCE = """
ALTER TABLE prices RENAME TO prices_in_time;
CREATE TABLE prices (
    list        TEXT NOT NULL,
    model       TEXT NOT NULL,
    price       TEXT NOT NULL,
    created_at  DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (list, model)
);
"""
_IN_FORCE = """
INSERT INTO prices (list, model, price, created_at)
SELECT list, model, price, created_at FROM prices_in_time p
WHERE (starts_at <= ? OR starts_at = created_at) AND price IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM prices_in_time n WHERE n.list = p.list AND n.model = p.model AND n.starts_at > p.starts_at
        AND (n.starts_at <= ? OR n.starts_at = n.created_at)
)
"""


def _keep_prices_in_force(connection: Connection) -> None:
    now = time.time()
    connection.execute(_IN_FORCE, (now, now))
    connection.execute("DROP TABLE prices_in_time")


class Back(NamedTuple):
    """How a migration is undone.

    Attributes:
        sql: the statements.
        obstacle: finds a row where the release before would do wrong with what it cannot read; empty where none can be.
        remedy: what to do about that.
        loss: finds a row where something is lost by it; empty where nothing can be.
        lost: what.
        after: what SQL cannot do, behind the statements.
    """

    sql: str
    obstacle: str = ""
    remedy: str = ""
    loss: str = ""
    lost: str = ""
    after: Callable[[Connection], None] | None = None

    def check(self, connection: Connection, *, lossy: bool) -> None:
        """Raises ``BadRequest``: something stands in the way, or is lost that may not be (``lossy`` allows it)."""
        if self.obstacle and connection.tuples(f"{self.obstacle} LIMIT 1"):
            raise BadRequest(self.remedy)
        if not lossy and self.loss and connection.tuples(f"{self.loss} LIMIT 1"):
            raise BadRequest(f"{self.lost} Give --lossy as well to go back without, or restore a backup from before.")


BACK: Mapping[int, Back] = {
    15: Back("DROP TABLE ledger_log; DROP TABLE ledger_head;"),
    16: Back(
        f"ALTER TABLE usage DROP COLUMN units; {_DROPPED}",
        "SELECT 1 FROM prices WHERE price LIKE '%\"per\\_%' ESCAPE '\\'",
        "Prices per unit (request, image, second, ...) are set, and the release before would charge nothing for them: "
        "remove them first (`router models price MODEL --remove`).",
        f"SELECT 1 FROM usage_hours WHERE {_COUNTED}",  # noqa: S608 - constant text
        "Usage rows and hourly sums have counts of units (requests, images, seconds, ...), which the release before "
        "has no place for; what was charged for them stays.",
    ),
    17: Back(
        "DROP TABLE response_items; DROP TABLE responses;",
        loss="SELECT 1 FROM responses",
        lost="Answers of /v1/responses are kept, which the release before has no place for.",
    ),
    18: Back(
        f"DROP INDEX audit_subject; DROP INDEX audit_actor; {_NO_ACTORS}",
        loss="SELECT 1 FROM audit WHERE session <> '' OR address <> ''",
        lost="Audit entries say in which session and from where somebody acted, which the release before has no place "
        "for; who did what stays.",
        after=chain_as_before,
    ),
    19: Back(
        _NO_OPERATORS
        + _NO_HIDDEN
        + "ALTER TABLE api_keys DROP COLUMN kind; ALTER TABLE api_keys DROP COLUMN made_by;"
        + "".join(f"DROP TABLE {name};" for name in reversed(_tables_of(PEOPLE + PORTAL))),
        "SELECT 1 FROM api_keys WHERE kind NOT IN ('model', 'hidden') AND status <> 'revoked'",
        "There are management keys, which the release before would take for keys that may call models: revoke them "
        "first (`router keys revoke KEY`).",
        "SELECT 1 FROM people",
        "People, their log-ins and memberships are kept, which the release before has no place for; accounts, keys and "
        "money stay.",
    ),
    20: Back("DROP INDEX transfers_other;"),
    21: Back("DROP INDEX usage_failed;"),
    22: Back(
        "".join(f"DROP TABLE {name};" for name in reversed(_tables_of(PAYMENTS))),
        "SELECT 1 FROM topups WHERE state IN ('started', 'pending')",
        "Top-ups are under way, and the release before would not credit them: wait until they are paid or closed, or "
        "settle them (`router topups list --open`).",
        "SELECT 1 FROM topups",
        "Top-ups and what methods told of them are kept, which the release before has no place for; the ledger's "
        "transfers stay, and grants no longer expire.",
    ),
    23: Back(
        _PRICES_AT_ONCE,
        loss="SELECT 1 FROM prices GROUP BY list, model HAVING COUNT(*) > 1 OR MAX(starts_at) <> MAX(created_at)",
        lost="Planned prices, and what models were charged before, are kept, which the release before has no place "
        "for; what holds now stays, and what is planned never comes (`router models planned`).",
        after=_keep_prices_in_force,
    ),
    24: Back("DROP TABLE usage_totals;"),
    25: Back("DROP TABLE circuits; ALTER TABLE workers DROP COLUMN about;"),
    26: Back(
        "".join(f"DROP TABLE {name};" for name in reversed(_tables_of(WEBHOOKS))),
        loss="SELECT 1 FROM webhooks",
        lost="Customers have webhooks, which the release before has no place for: no events are sent to them any more.",
    ),
    27: Back("DROP TABLE alerts;"),
    28: Back("ALTER TABLE usage DROP COLUMN answer_id;"),
}
"""Number of a migration -> how it is undone."""
