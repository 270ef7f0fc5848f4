"""What ``router doctor``, ``config check`` and ``config show`` say of the portal and its mail."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from router.cli.support.portal_checks import contrast
from router.plugin_host.registry import load_plugins

pytestmark = pytest.mark.slow

MASTER = {"ROUTER_MASTER_KEY": "a-master-key-for-these-tests"}


def findings(router, *, env: dict[str, str] | None = None) -> list[tuple[str, str, str]]:
    """(check, state, words) of the portal's part of the report."""
    report = router("doctor", "--ollama", "http://127.0.0.1:9", "--json", env=MASTER if env is None else env).value
    wanted = ("portal", "mail", "secrets")
    return [
        (one["check"], one["state"], f"{one['detail']}: {one['remedy']}")
        for one in report["findings"]
        if one["check"] in wanted
    ]


def warnings(router) -> list[str]:
    return router.json("config", "check")["warnings"]


@pytest.fixture
def mail_server() -> Iterator[int]:
    """A port that takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_fresh_set_up_lacks_a_mail_server_and_a_master_key_alone(router) -> None:
    assert warnings(router) == []
    ((check, state, words),) = findings(router)
    assert (check, state) == ("mail", "hint") and "written into the log" in words
    without = findings(router, env={})
    assert len(without) == 2
    assert "nobody can set up a second factor" in without[1][2] and "ROUTER_MASTER_KEY" in without[1][2]


def test_a_configuration_without_a_portal_has_nothing_to_be_said_of(router) -> None:
    router("config", "set", "portal.enabled", "false")
    router("config", "set", "portal.public_url", "http://portal.example.com")
    assert findings(router, env={}) == [] and warnings(router) == []


@pytest.mark.parametrize(
    ("keys", "state", "words"),
    [
        ({"portal.public_url": "http://portal.example.com"}, "problem", "nobody can log in"),
        (
            {"portal.public_url": "http://portal.example.com", "portal.insecure_http": "true"},
            "warning",
            "can be read on their way",
        ),
        ({"portal.listen": "0.0.0.0:8081"}, "warning", "public_url is not set, and the portal listens on 0.0.0.0"),
        ({"server.host": "0.0.0.0", "portal.workers": "0"}, "warning", "the portal listens on 0.0.0.0"),
        ({"portal.accent": "#ffd400"}, "warning", "on light ground: a contrast of 1.4"),
        ({"portal.accent": "#000000"}, None, ""),
        ({"portal.new_tier": "fresh"}, "hint", "[limits.tiers.fresh]"),
        ({"portal.public_url": "https://portal.example.com"}, None, ""),
        ({"portal.public_url": "http://localhost:9000"}, None, ""),
        ({"portal.public_url": "http://acme.localhost:9000"}, None, ""),
    ],
)
def test_what_hinders_people_is_said_with_its_remedy(
    router, keys: dict[str, str], state: str | None, words: str
) -> None:
    for key, value in keys.items():
        assert router("config", "set", key, value).status == 0
    found = [one for one in findings(router) if one[0] == "portal"]
    if state is None:
        assert [one for one in found if one[1] != "ok"] == [] and warnings(router) == []
        return
    ((_, told, said),) = found
    assert told == state and words in said
    assert any(words in one for one in warnings(router)) is (state != "hint")


def test_the_mail_server_is_asked_for_a_connection(router, mail_server: int) -> None:
    sending = {"transport": "smtp", "host": "127.0.0.1", "port": str(mail_server), "sender": "p@example.com"}
    for key, value in sending.items():
        router("config", "set", f"mail.{key}", value)
    assert findings(router) == [("mail", "ok", f"the mail server 127.0.0.1:{mail_server} takes connections: ")]
    router("config", "set", "mail.port", "9")
    ((_, state, words),) = findings(router)
    assert state == "warning" and "127.0.0.1:9 takes no connection" in words


def test_the_mails_settings_fit_together(router, mail_server: int) -> None:
    router("config", "set", "mail.transport", "smtp")
    router("config", "set", "mail.port", str(mail_server))
    router("config", "set", "mail.user", "portal")
    router("config", "set", "mail.password", "env:MAIL_PW")
    said = findings(router)
    assert any("[mail] sender is portal@localhost" in words for _, _, words in said)
    assert any("set the variable of env:MAIL_PW" in words for _, _, words in said)
    said = findings(router, env={**MASTER, "MAIL_PW": "secret-of-the-mail"})
    assert not any("there is no password" in words for _, _, words in said)
    router("config", "set", "mail.host", "mail.invalid")
    router("config", "set", "mail.security", "none")
    router("config", "set", "mail.password", "plain-text-password")
    said = findings(router)
    assert any("unencrypted" in words for _, _, words in said)
    assert any(check == "secrets" and "[mail] password" in words for check, _, words in said)


def test_settings_are_shown_without_secrets(router) -> None:
    router("config", "set", "mail.password", "plain-text-password")
    run = router("config", "show", "--json")
    shown = {one["key"]: one for one in run.value}
    assert shown["portal.enabled"]["value"] is True and "router.toml, line" in shown["portal.enabled"]["source"]
    assert shown["portal.listen"] == {"key": "portal.listen", "value": "127.0.0.1:8081", "source": "default"}
    assert shown["mail.password"]["value"] == "***" and "plain-text-password" not in run.out
    assert shown["responses.store"]["value"] is True


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == contrast("#ffffff", "#777777") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("profile", [plugin.name for plugin in load_plugins().having("dialect")])
def test_every_profiles_portal_is_easy_to_read(bare, profile: str) -> None:
    bare.json("init", "--dir", str(bare.folder), "--profile", profile)
    assert [one for one in findings(bare) if one[0] == "portal"] == []
    assert warnings(bare) == []
