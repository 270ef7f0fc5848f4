"""Short messages after something was done. An address names one of these; it can make us say nothing else."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["SAID"]


def _(message: str) -> str:
    """Mark a text for translation; it is translated where it is shown."""
    return message


SAID: Mapping[str, str] = {
    "saved": _("Saved."),
    "mail_sent": _("We have sent you an e-mail."),
    "verified": _("Your address is verified."),
    "proved": _("You have confirmed that it is you: do what you were about to do."),
    "logged_out": _("You are logged out."),
    "key_disabled": _("The key is disabled."),
    "key_enabled": _("The key is enabled."),
    "key_revoked": _("The key is revoked."),
    "key_changed": _("The key was changed."),
    "webhook_changed": _("The webhook was changed."),
    "webhook_sending": _("It is on its way: look again in a few seconds."),
    "webhook_disabled": _("Nothing is sent there any more."),
    "webhook_enabled": _("Events are sent there again."),
    "webhook_deleted": _("The webhook was deleted."),
    "invited": _("The invitation is on its way."),
    "invitation_ended": _("The invitation was withdrawn."),
    "member_changed": _("The role was changed."),
    "member_removed": _("The member was removed."),
    "left": _("You have left the workspace."),
    "joined": _("Welcome to the workspace."),
    "session_ended": _("The session was ended."),
    "sessions_ended": _("All other sessions were ended."),
    "factor_removed": _("The second factor was removed."),
    "passkey_added": _("The passkey was added."),
    "password_set": _("The password was changed."),
    "email_changed": _("Your address was changed."),
    "notices_read": _("All notices are marked as read."),
    "workspace_made": _("The workspace was made."),
    "closed": _("The account is closed."),
    "automatic_set": _("It is charged by itself from now on."),
    "automatic_ended": _("Nothing is charged by itself any more."),
    "means_forgotten": _("That is never charged again."),
}
"""Name -> text, in English; operators' pages add theirs in ``router.portal.operator.said``."""
