"""Short messages after an operator did something. An address names one of these; it can make us say nothing else."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["DONE"]

DONE: Mapping[str, str] = {
    "granted": "The credit was given.",
    "payment_recorded": "The payment was credited.",
    "topup_refunded": "The refund was asked for; the credit was taken.",
    "topup_settled": "The top-up was credited.",
    "topup_closed": "The top-up is closed.",
    "compared": "The books were compared with what the method holds.",
    "adjusted": "The balance was corrected.",
    "refunded": "The charge was given back.",
    "account_changed": "The account was changed.",
    "account_suspended": "The account is suspended: its keys are refused.",
    "account_resumed": "The account's keys are accepted again.",
    "note_kept": "The note was kept.",
    "limits_set": "The limits were set; they hold from the next call on.",
    "key_disabled": "The key is disabled.",
    "key_enabled": "The key is enabled.",
    "key_revoked": "The key is revoked for good.",
    "provider_off": "The provider is turned off: it gets no call from now on.",
    "provider_tested": "The test call was made: what came of it stands below.",
    "provider_on": "The provider is called again.",
    "fallbacks_set": "The fallbacks were set.",
    "fallbacks_cleared": "The fallbacks were cleared.",
    "price_set": "The price was set; every worker charges by it within a second.",
    "price_planned": "The price is planned: it holds from its moment on, on every worker.",
    "price_withdrawn": "The planned price is withdrawn.",
    "price_removed": "The price was removed: what stood before it holds again.",
    "model_on": "The model can be called again.",
    "model_off": "The model is hidden, and calls to it are refused.",
    "alias_set": "The alias was set.",
    "alias_removed": "The alias was removed.",
    "signup_given": "The sign-up was given its free credit.",
    "signup_refused": "The sign-up gets no free credit.",
    "switched": "The switch was turned.",
    "blocked": "The block holds from now on.",
    "unblocked": "The block was lifted.",
    "verify_started": "The verification has begun.",
    "swept": "Calls whose hold had run out were ended.",
    "person_suspended": "The person cannot log in any more, and is logged out everywhere.",
    "person_resumed": "The person can log in again.",
    "session_ended": "The log-in was ended.",
    "operator_invited": "They become an operator once they open the link that was mailed to them.",
    "operator_ended": "They are an operator no more, and are logged out.",
    "mail_again": "The mail will be tried again at once.",
    "mail_bounced": "The mail is marked as bounced.",
    "mail_tested": "The mail server took the test message.",
    "act_over": "You look with your own eyes again.",
}
"""Name -> text."""
