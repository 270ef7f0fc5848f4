"""The little work that browsers do before we send mail: a challenge in the page, an answer in the form."""

from __future__ import annotations

import base64
import json

from router.office.people.proof import challenge, check_proof
from router.portal.web.requests import PageRequest

__all__ = ["PROOF_FIELD", "challenge_of", "proof_ok"]

PROOF_FIELD = "proof"
"""The form's field with the answer."""


def challenge_of(request: PageRequest) -> str:
    """The challenge, as the page hands it to its worker; empty where none is asked for."""
    if not request.site.settings.proof_of_work:
        return ""
    return base64.b64encode(json.dumps(challenge(request.office)).encode("ascii")).decode("ascii")


def proof_ok(request: PageRequest) -> bool:
    """Whether the form's answer is right, or none is asked for. Without script a form has none."""
    if not request.site.settings.proof_of_work:
        return True
    answer = request.form.get(PROOF_FIELD, "")
    return bool(answer) and check_proof(request.office, answer)
