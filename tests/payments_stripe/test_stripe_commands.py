"""``router payments`` as an operator runs it, with the plugins that are installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from stripe_fake import KEY, WEBHOOK_SECRET, FakeStripe

from router.testing import Gateway
from router.testing.gateway import CommandFailed

pytestmark = pytest.mark.slow


def gateway_of(folder: Path, fake: FakeStripe, key: str = KEY, **settings: Any) -> Gateway:
    config = {
        "payments": {"methods": ["stripe", "voucher"]},
        "plugins": {"stripe": {"base_url": fake.url, "currency": "eur", **settings}},
    }
    env = {"STRIPE_SECRET_KEY": key, "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET}
    return Gateway(folder, providers={"echo": {}}, config=config, env=env, start=False)


def test_a_check_asks_stripe(tmp_path: Path, fake: FakeStripe) -> None:
    fake.account.endpoints.append(
        {
            "id": "we_1",
            "url": "https://gw.example.com/plugins/stripe/events",
            "status": "enabled",
            "enabled_events": ["*"],
        }
    )
    with gateway_of(tmp_path, fake) as gateway:
        found = gateway.router("payments", "check")
        assert found["ok"], found
        told = {(row["method"], row["what"]): row["found"] for row in found["checks"]}
        assert told["stripe", "currency"] == "EUR" and told["stripe", "key"].startswith("test")
        assert told["voucher", "codes"] == "0 open, 0 used, 0 revoked, 0 expired"
        listed = {row["method"]: row for row in gateway.router("payments", "list")}
        assert (listed["stripe"]["state"], listed["stripe"]["test"]) == ("on", True)


def test_what_is_not_set_up_is_told_and_nothing_else_suffers(tmp_path: Path, fake: FakeStripe) -> None:
    with gateway_of(tmp_path, fake, key="") as gateway:
        listed = {row["method"]: row for row in gateway.router("payments", "list")}
        assert "STRIPE_SECRET_KEY is not set" in listed["stripe"]["problem"] and listed["voucher"]["state"] == "on"
        found = [one for one in gateway.router("doctor")["findings"] if one["check"] == "payments"]
        assert [one["state"] for one in found] == ["warning", "ok"]
        assert "nobody can pay by stripe: STRIPE_SECRET_KEY is not set" in found[0]["detail"]
        try:
            gateway.router("payments", "check", "stripe")
        except CommandFailed as failed:
            assert failed.args and "Traceback" not in str(failed)
        else:
            raise AssertionError("a method that is not set up is not well")


def test_a_currency_that_stripe_lacks_is_refused_with_the_reason(tmp_path: Path, fake: FakeStripe) -> None:
    with gateway_of(tmp_path, fake, currency="tmt") as gateway:
        command = [sys.executable, "-m", "router", "--config", str(gateway.config_path), "config", "check"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "Stripe does not charge in it" in done.stdout + done.stderr


def test_the_library_is_loaded_by_whoever_pays_alone() -> None:
    code = (
        "import sys; from router.plugin_host.registry import load_plugins; load_plugins(); "
        "print('stripe' in sys.modules, 'router_plugins.stripe' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["False", "True"]
