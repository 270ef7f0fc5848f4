"""All pages there are: the list from which the application, the tests of rights and the description are made."""

from __future__ import annotations

from collections.abc import Sequence

from router.portal.api import session_api
from router.portal.customer import (
    docs,
    keys,
    limits,
    logs,
    models,
    notices,
    overview,
    play,
    plugin_pages,
    security,
    settings,
    team,
    transactions,
    usage,
    webhooks,
)
from router.portal.customer.paying import automatic, deposits, listing, topup, waiting
from router.portal.entry import claim, log_in, preferences, sign_up, tickets
from router.portal.operator import (
    abuse,
    account_actions,
    accounts,
    act_as,
    audit,
    calls,
    dashboard,
    ledger,
    mail,
    money,
    people,
    prices,
    providers,
    routing,
    system,
)
from router.portal.operator import models as operator_models
from router.portal.operator.paying import payments, topup_actions
from router.portal.web.pages import PageRoute, PageRoutes

__all__ = ["ALL_PAGES"]

_SUBJECTS: Sequence[PageRoutes] = (
    log_in.PAGES,
    preferences.PAGES,
    sign_up.PAGES,
    tickets.PAGES,
    claim.PAGES,
    overview.PAGES,
    keys.PAGES,
    logs.PAGES,
    team.PAGES,
    settings.PAGES,
    security.PAGES,
    notices.PAGES,
    plugin_pages.PAGES,
    dashboard.PAGES,
    accounts.PAGES,
    account_actions.PAGES,
    act_as.PAGES,
    calls.PAGES,
    money.PAGES,
    payments.PAGES,
    topup_actions.PAGES,
    providers.PAGES,
    routing.PAGES,
    operator_models.PAGES,
    prices.PAGES,
    abuse.PAGES,
    ledger.PAGES,
    people.PAGES,
    mail.PAGES,
    audit.PAGES,
    system.PAGES,
    usage.PAGES,
    transactions.PAGES,
    limits.PAGES,
    topup.PAGES,
    listing.PAGES,
    deposits.PAGES,
    automatic.PAGES,
    waiting.PAGES,
    webhooks.PAGES,
    models.PAGES,
    docs.PAGES,
    play.PAGES,
    session_api.PAGES,
)

ALL_PAGES: Sequence[PageRoute] = tuple(page for subject in _SUBJECTS for page in subject)
"""Each page once."""
