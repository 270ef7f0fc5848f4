"""Signatures: as the public libraries of Standard Webhooks read them, in Python and by Node's own crypto."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from router.types.webhook_signing import new_signing_secret, signing_key, webhook_headers

pytestmark = pytest.mark.slow

BODY = '{"type":"credit.added","data":{"workspace":"Zoë"}}'.encode()
_NODE = """
const crypto = require('crypto'), [secret, id, at, given, body] = JSON.parse(require('fs').readFileSync(0, 'utf8'))
const key = Buffer.from(secret.split('_')[1], 'base64')
const made = crypto.createHmac('sha256', key).update(`${id}.${at}.${body}`).digest('base64')
process.exit(given.split(' ').some(one => one === `v1,${made}`) ? 0 : 1)
"""


def test_the_public_library_verifies_what_is_signed() -> None:
    secret = new_signing_secret()
    headers = webhook_headers("evt_1", int(time.time()), BODY, secret)
    assert Webhook(secret).verify(BODY, headers)["type"] == "credit.added"
    for wrong in (
        {**headers, "webhook-id": "evt_2"},
        {**headers, "webhook-timestamp": str(int(time.time()) + 1)},
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(BODY, wrong)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_signing_secret()).verify(BODY, headers)


def test_either_of_two_secrets_verifies() -> None:
    old, new = new_signing_secret(), new_signing_secret()
    headers = webhook_headers("evt_1", int(time.time()), BODY, new, old)
    assert Webhook(old).verify(BODY, headers) == Webhook(new).verify(BODY, headers)
    assert headers["webhook-signature"].count("v1,") == 2


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
def test_node_verifies_it_too() -> None:
    secret = new_signing_secret()
    headers = webhook_headers("evt_1", 1_800_000_000, BODY, secret)
    told = json.dumps([secret, "evt_1", "1800000000", headers["webhook-signature"], BODY.decode()])
    assert subprocess.run(["node", "-e", _NODE], input=told.encode(), timeout=30).returncode == 0


@pytest.mark.parametrize("bad", ["", "whsec_", "whsec_abc", "whsec_" + "A" * 20, base64.b64encode(b"x" * 32).decode()])
def test_what_is_no_secret_is_refused_without_being_shown(bad: str) -> None:
    with pytest.raises(ValueError, match="whsec_ and the base64") as raised:
        signing_key(bad)
    assert len(bad) < 7 or bad not in str(raised.value)
