"""What mails are for, which facts each needs, and where its link leads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

__all__ = ["NOTICES", "PURPOSES", "Purpose"]


@dataclass(frozen=True, slots=True)
class Purpose:
    """A kind of mail.

    Attributes:
        needs: the names of the values without which it cannot be written. Those that end in ``_nano`` are amounts in
            nano-units (in ``_rate_nano`` rates, of which no decimal is left out), in ``_at`` Unix seconds, in ``_s``
            seconds that something lasts, all as decimal text: mails write them as their language does.
        path: where its link leads; ``{ticket}`` stands for the value of that name; empty for no link.
    """

    needs: tuple[str, ...] = ()
    path: str = ""

    def link(self, url: str, values: Mapping[str, str]) -> str:
        """The link of a mail, behind the portal's origin; empty for none."""
        return self.path and url + self.path.replace("{ticket}", quote(values.get("ticket", ""), safe=""))


_TICKET = "/app/t/{ticket}"
_LINKED = ("ticket", "lasts_s")

NOTICES: Mapping[str, Purpose] = {
    "low_balance": Purpose(("workspace", "balance_nano", "threshold_nano"), "/app/topup"),
    "budget": Purpose(("workspace", "key", "percent", "used_nano", "budget_nano"), "/app/keys"),
    "topup": Purpose(("workspace", "amount_nano", "balance_nano"), "/app/transactions"),
    "payment_failed": Purpose(("workspace", "amount_nano"), "/app/topup"),
    "refund": Purpose(("workspace", "amount_nano"), "/app/transactions"),
    "dispute": Purpose(("workspace", "amount_nano"), "/app/transactions"),
    "credit_expired": Purpose(("workspace", "amount_nano"), "/app/transactions"),
    "credit_given": Purpose(("workspace", "amount_nano", "balance_nano"), "/app/transactions"),
    "key_expires": Purpose(("workspace", "key", "expires_at"), "/app/keys"),
    "model_retires": Purpose(("model", "retires_at"), "/app/models"),
    "price_changes": Purpose(("workspace", "model", "starts_at"), "/app/models"),
    "provider_trouble": Purpose(("model",), "/app/logs"),
    "webhook_off": Purpose(("workspace", "url", "error", "since_at"), "/app/webhooks"),
    "new_device": Purpose(("at", "address", "agent"), "/app/settings"),
}
"""What people are told, in their portal and by mail: type -> its mail."""

PURPOSES: Mapping[str, Purpose] = {
    "verify": Purpose(_LINKED, _TICKET),
    "login": Purpose(_LINKED, _TICKET),
    "already": Purpose(_LINKED, _TICKET),
    "reset": Purpose(_LINKED, _TICKET),
    "step": Purpose(_LINKED, _TICKET),
    "email_change": Purpose((*_LINKED, "email"), _TICKET),
    "email_changed": Purpose(("email", "at", "address")),
    "invite": Purpose((*_LINKED, "workspace", "invited_by", "role"), _TICKET),
    "operator": Purpose(_LINKED, _TICKET),
    "password_changed": Purpose(("at", "address"), "/app/reset"),
    "alert": Purpose(("detail", "remedy"), "/ops/"),
    "test": Purpose(),
    **NOTICES,
}
"""Every kind of mail by its name, which is its template's too."""
