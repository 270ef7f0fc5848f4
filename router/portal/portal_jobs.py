"""What one of the portal's workers does from time to time."""

from __future__ import annotations

from collections.abc import Iterator

from router.app.assembly import Assembly
from router.jobs.leased import LeasedJob
from router.office.actor import GATEWAY
from router.office.customers.playground import revoke_idle_keys
from router.office.office import Office
from router.office.people.closing import forget_old
from router.office.people.mailing import deliver_due, tidy_outbox
from router.office.people.watching import tell_planned_prices, tell_what_is_due, tidy_notices

__all__ = ["portal_jobs"]

_MAIL_S = 3.0
_NOTICES_S = 60.0
_UPKEEP_S = 600.0
_DAY_S = 86_400.0


def portal_jobs(assembly: Assembly) -> Iterator[LeasedJob]:
    """Mails go out, notices are made, what has run out is forgotten, and the playground's idle keys are revoked."""
    office = assembly.office
    yield LeasedJob("mail", _MAIL_S, lambda: deliver_due(office))
    yield LeasedJob("notices", _NOTICES_S, lambda: tell_what_is_due(office))
    yield LeasedJob("price_notices", _NOTICES_S, lambda: tell_planned_prices(office, GATEWAY))
    yield LeasedJob("people", _UPKEEP_S, lambda: _tidy(office))
    yield LeasedJob("playground", _DAY_S, lambda: revoke_idle_keys(office, GATEWAY))


def _tidy(office: Office) -> None:
    forget_old(office)
    tidy_outbox(office)
    tidy_notices(office)
