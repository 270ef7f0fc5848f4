"""Bearer tokens: which are good, what attacks come to, and how seldom the issuer is asked."""

from __future__ import annotations

import hashlib
import hmac
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from oidc_room import Issuer, unsigned
from router_plugins.oidc import Oidc, Settings, key_for
from router_plugins.oidc.keys import IssuerKeys, IssuerUnknown, fetched
from strategy_room import context

from router import Credentials, Unavailable

pytestmark = pytest.mark.slow


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    yield made
    made.close()


class Door:
    """The plugin before an issuer, with a clock."""

    def __init__(self, issuer: Issuer, **settings: Any) -> None:
        self.now = time.time()
        given = {"issuer": issuer.url, "audience": ("gateway",), "keys": {"ann": "key_ann"}, **settings}
        self.context = context(Settings(**given))
        self.plugin = Oidc(lambda: self.now, self._keys)
        self.keys: Any = None

    def _keys(self, settings: Settings) -> IssuerKeys:
        self.keys = IssuerKeys(
            settings.issuer,
            settings.jwks_url,
            max_age_s=settings.max_age_s,
            retry_s=settings.retry_s,
            timeout_s=settings.timeout_s,
            clock=lambda: self.now,
        )
        made: IssuerKeys = self.keys
        return made

    def of(self, token: str) -> str | None:
        return self.plugin.authenticate(self.context, Credentials(f"Bearer {token}"))


@pytest.mark.parametrize("kid", ["rsa", "ec"])
def test_a_good_token_is_served_as_its_claim_says(issuer: Issuer, kid: str) -> None:
    door = Door(issuer)
    assert door.of(issuer.token(kid)) == "key_ann"
    assert door.plugin.authenticate(door.context, Credentials(None, issuer.token(kid))) == "key_ann"
    assert door.of(issuer.token(kid, sub="bob")) is None


def test_the_issuer_is_asked_once_however_many_calls_there_are(issuer: Issuer) -> None:
    door = Door(issuer)
    tokens = [issuer.token(jti=str(number)) for number in range(20)]
    threads = [threading.Thread(target=lambda one=one: results.append(door.of(one))) for one in tokens]
    results: list[str | None] = []
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["key_ann"] * 20 and issuer.asked == {"/.well-known/openid-configuration": 1, "/keys": 1}


ATTACKS = [
    ("expired", {"exp": -60}),
    ("not yet", {"nbf": 600}),
    ("made later", {"iat": 600}),
    ("too long", {"exp": 10 * 86_400}),
    ("another audience", {"aud": "another"}),
    ("no audience", {"aud": None}),
    ("another issuer", {"iss": "https://evil.example"}),
    ("no issuer", {"iss": None}),
    ("no end", {"exp": None}),
]


@pytest.mark.parametrize("claims", [claims for _, claims in ATTACKS], ids=[name for name, _ in ATTACKS])
def test_what_a_token_must_say(issuer: Issuer, claims: dict[str, Any]) -> None:
    now = int(time.time())
    told = {name: now + value if isinstance(value, int) else value for name, value in claims.items()}
    assert Door(issuer).of(issuer.token(**told)) is None


def test_times_that_are_no_numbers_are_refused(issuer: Issuer) -> None:
    claims = {"iss": issuer.url, "aud": "gateway", "sub": "ann", "exp": 1e400}
    for odd in ({}, {"exp": time.time() + 60, "nbf": float("nan")}, {"exp": 10**400}, {"exp": -(10**400)}):
        token = jwt.encode({**claims, **odd}, issuer.secrets["rsa"], algorithm="RS256", headers={"kid": "rsa"})
        assert Door(issuer).of(token) is None


def test_a_clock_that_differs_is_allowed_for(issuer: Issuer) -> None:
    now = int(time.time())
    assert Door(issuer, leeway_s=60).of(issuer.token(exp=now - 30, iat=now - 300)) == "key_ann"
    assert Door(issuer, leeway_s=60).of(issuer.token(nbf=now + 30, iat=now + 30)) == "key_ann"
    assert Door(issuer, leeway_s=10).of(issuer.token(exp=now - 30, iat=now - 300)) is None


def test_attacks_on_the_algorithm(issuer: Issuer) -> None:
    good = issuer.token()
    head = unsigned(good, alg="HS256", kid="rsa").rsplit(".", 1)[0]
    forged = hmac.new(issuer.pem(), head.encode(), hashlib.sha256).digest()
    confused = f"{head}.{jwt.utils.base64url_encode(forged).decode()}"
    shared = jwt.encode(
        {"iss": issuer.url, "aud": "gateway", "sub": "ann", "exp": time.time() + 60},
        b"a" * 32,
        algorithm="HS256",
        headers={"kid": "shared"},
    )
    tokens = [
        confused,
        shared,
        unsigned(good, alg="none"),
        unsigned(good, alg="NONE", kid="rsa"),
        unsigned(good, alg="RS256", kid="rsa", b64=False, crit=["b64"]),
        unsigned(good, alg="ES256", kid="rsa"),
        unsigned(good, alg=["RS256"], kid="rsa"),
        issuer.token("rsa", algorithm="RS512"),
        issuer.token("rsa", secret=issuer.secrets["ec"], algorithm="ES256"),
        issuer.token("ec", secret=issuer.secrets["rsa"], algorithm="RS256"),
        good[:-4] + "AAAA",
    ]
    door = Door(issuer)
    assert [door.of(token) for token in tokens] == [None] * len(tokens)
    assert door.of(good) == "key_ann"


@pytest.mark.parametrize(
    "header",
    [
        {"kid": "../../../../dev/null"},
        {"kid": "' OR 1=1 --"},
        {"kid": "http://evil.example/key"},
        {"kid": "rsa", "jku": "http://127.0.0.1:1/keys", "x5u": "http://127.0.0.1:1/cert"},
        {"kid": "other", "jwk": {"kty": "RSA"}},
    ],
)
def test_a_header_brings_no_key_of_its_own(issuer: Issuer, header: dict[str, Any]) -> None:
    stranger = Issuer()
    stranger.close()
    door = Door(issuer)
    assert door.of(issuer.token(secret=stranger.secrets["rsa"], header=header)) is None
    assert set(issuer.asked) <= {"/.well-known/openid-configuration", "/keys"}


@pytest.mark.parametrize("token", ["", "x", "a.b", "a.b.c", "a.b.c.d", "é.b.c", "a" * 20_000 + ".b.c", "e30.e30.e30"])
def test_what_is_no_token_is_nobodys(issuer: Issuer, token: str) -> None:
    assert Door(issuer).of(token) is None


def test_keys_that_are_rotated_are_found_and_old_ones_are_forgotten(issuer: Issuer) -> None:
    door = Door(issuer, retry_s=30)
    old = issuer.token(jti="old")
    assert door.of(old) == "key_ann"
    issuer.rotate()
    fresh = issuer.token("rsa-2")
    assert door.of(fresh) is None  # asked a moment ago
    door.now += 31
    assert door.of(issuer.token("rsa-2", jti="2")) == "key_ann"
    door.now += 400
    assert door.of(old) is None


def test_made_up_key_ids_have_nobody_asked(issuer: Issuer) -> None:
    door = Door(issuer, retry_s=30)
    for number in range(50):
        assert door.of(issuer.token("rsa", header={"kid": f"made-up-{number}"})) is None
    assert issuer.asked["/keys"] == 1
    door.now += 31
    door.of(issuer.token("rsa", header={"kid": "another"}))
    assert issuer.asked["/keys"] == 2


def test_an_issuer_that_is_down_is_waited_for_once(issuer: Issuer) -> None:
    issuer.status = 503
    door = Door(issuer, retry_s=30)
    for number in range(5):
        with pytest.raises(Unavailable) as caught:
            door.of(issuer.token(jti=str(number)))
        assert caught.value.code == "issuer_unavailable"
    assert issuer.asked.total() == 1
    issuer.status = 200
    door.now += 31
    assert door.of(issuer.token()) == "key_ann"
    issuer.status = 503
    door.now += 3601
    assert door.of(issuer.token(now=door.now)) == "key_ann"  # what is known still holds


def test_one_that_hangs_is_given_up_in_time(issuer: Issuer) -> None:
    issuer.delay_s = 3
    begun = time.monotonic()
    with pytest.raises(IssuerUnknown):
        fetched(f"{issuer.url}/keys", 0.3)
    assert time.monotonic() - begun < 2
    issuer.delay_s = 0


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://127.0.0.1:1/"])
def test_an_address_that_gives_nothing(url: str) -> None:
    with pytest.raises(IssuerUnknown):
        fetched(url, 1)


def test_one_that_does_not_speak_http_is_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            client, _ = server.accept()
            with client:
                client.recv(4096)
                client.sendall(b"SSH-2.0-OpenSSH\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        with pytest.raises(IssuerUnknown):
            fetched(f"http://127.0.0.1:{server.getsockname()[1]}/keys", 2)
        thread.join(5)


def test_a_discovery_document_of_another_issuer_is_not_believed(issuer: Issuer) -> None:
    issuer.claims_to_be = "http://127.0.0.1:1"
    with pytest.raises(Unavailable):
        Door(issuer).of(issuer.token())


def test_a_token_is_remembered_and_no_longer_than_it_holds(issuer: Issuer) -> None:
    door = Door(issuer, leeway_s=0)
    token = issuer.token(exp=int(door.now) + 100)
    assert door.of(token) == "key_ann"
    issuer.close()
    door.now += 99
    assert door.of(token) == "key_ann"
    door.now += 2
    assert door.of(token) is None
    assert len(door.plugin._known) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("settings", "value", "key"),
    [
        ({"keys": {"ann": "key_1"}}, "ann", "key_1"),
        ({"keys": {"7": "key_7"}}, 7, "key_7"),
        ({"keys": {"team-b": "key_b"}}, ["team-a", "team-b"], "key_b"),
        ({"keys": {"ann": "sk-secret"}}, "ann", None),
        ({"keys": {}, "template": "key_{value}"}, "abc", "key_abc"),
        ({"keys": {}, "template": "key_{value}"}, "a/b", None),
        ({"keys": {}, "template": "key_{value}"}, "", None),
        ({"keys": {"True": "key_t"}}, True, None),
        ({"keys": {"ann": "key_1"}}, None, None),
        ({"keys": {"ann": "key_1"}}, {"ann": 1}, None),
    ],
)
def test_a_claim_leads_to_a_key(settings: dict[str, Any], value: Any, key: str | None) -> None:
    made = (
        Settings(**{"issuer": "https://id.example", "audience": ("a",), "template": "", **settings})
        if settings
        else None
    )
    assert made is not None and key_for(made, value) == key


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"issuer": "http://id.example"}, "issuer must be https"),
        ({"jwks_url": "ftp://id.example"}, "jwks_url must be https"),
        ({"issuer": "http://127.0.0.1.id.example"}, "issuer must be https"),
        ({"issuer": "http://localhost@id.example"}, "issuer must be https"),
        ({"jwks_url": "https://"}, "jwks_url must be https"),
        ({"jwks_url": "http://[::1"}, "jwks_url must be https"),
        ({"audience": ()}, "audience is missing"),
        ({"keys": {}}, "keys or template is missing"),
        ({"template": "key"}, "must have one"),
        ({"algorithms": ("HS256",)}, "HS256 is not"),
        ({"algorithms": ("none",)}, "none is not"),
        ({"algorithms": ()}, "algorithms must be"),
    ],
)
def test_settings_that_would_let_strangers_in_are_refused(settings: dict[str, Any], problem: str) -> None:
    given = {"issuer": "https://id.example", "audience": ("a",), "keys": {"ann": "key_1"}, **settings}
    with pytest.raises(ValueError, match=problem):
        Settings(**given)
