"""The wire of the upstream that seals."""

from __future__ import annotations

import hmac
from dataclasses import replace

from router.testing import Answer
from router.testing.upstream.connection import ReceivedRequest
from router.testing.upstream.wires.openai import OPENAI


def sealed(request: ReceivedRequest, api_key: str) -> str:
    """What is wrong with a request's seal."""
    if request.headers.get("authorization") != "Bearer token-of-the-day":
        return "the token is not the upstream's"
    nonce = request.headers.get("x-nonce", "")
    wanted = hmac.new(api_key.encode(), nonce.encode() + request.body, "sha256").hexdigest()
    return "" if request.headers.get("x-signature") == wanted else "the signature is not the body's"


WIRE = replace(
    OPENAI,
    name="sealed",
    model="one",
    embedding_model="",
    auth=sealed,
    endpoints={"/token": Answer({"token": "token-of-the-day"})},
    settings={"token_url": "{origin}/token"},
)
