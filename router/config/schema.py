"""The sections of ``router.toml`` that are the host's own: one record each, whose annotations and defaults are checked.

Those of providers are in ``router.config.provider``; a plugin declares its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from router.config.durations import parse_duration_s
from router.config.provider import SECONDS, Secret

__all__ = [
    "BillingSettings",
    "DatabaseSettings",
    "GatewaySettings",
    "LimitsSettings",
    "LimitsTable",
    "PluginsSettings",
    "ResponsesSettings",
    "ServerSettings",
    "TierLimits",
    "TierSettings",
    "check_pair",
]

_NO_POLICY = ((), ("none",))


def check_pair(tls_cert: str, tls_key: str) -> None:
    """Raises ``ValueError``: there is a key without its certificate."""
    if tls_key and not tls_cert:
        raise ValueError("tls_key is set, and tls_cert is not: set it, too, or take tls_key out for HTTP")


@dataclass(frozen=True)
class ServerSettings:
    """Where the gateway listens, and how long it waits for its clients.

    Attributes:
        node: how this machine, or container, is called where several share one database; the host's name where unset.
        host: address to listen on; ``0.0.0.0`` and ``::`` are all addresses of the machine.
        port: 0 takes a free one.
        workers: processes; 0 is one per core.
        grace_s: how long calls in flight may take to end when the gateway stops.
        unready_s: how long the port stays open before that while ``/readyz`` says 503, so that load balancers turn
            away; not waited where nobody asked ``/readyz`` within a minute.
        header_timeout_s: how long a client may take to send its headers.
        body_timeout_s: how long a client may pause between two pieces of its body.
        keep_alive_s: how long an idle connection is kept open.
        send_timeout_s: how long a client may stop reading before its connection is closed.
        pid_file: where `router reload` and `router stop` find the gateway; beside the configuration, with its name and
            `.pid`, where unset.
        max_connections: clients' connections that one worker keeps open, as far as its limit of open files allows; the
            oldest that serves no call is closed for a new one.
        max_connections_per_address: of those from one address; 0 is half of them.
        tls_cert, tls_key: PEM files (relative to the configuration's folder) by which the gateway speaks HTTPS
            itself: its certificate with those that lead to the authority's, and the key, which may stand in the first
            as well; read again on SIGHUP. Unset, it speaks HTTP.
        trusted_proxies: IP addresses, and networks such as ``10.0.0.0/8``, of the proxies before the gateway: what they
            say of a request's client (``X-Forwarded-For`` and its kin, ``Forwarded``) is believed, and nobody else.
        cors_origins: origins of web pages (``https://chat.example.com``) that may call the gateway from their visitors'
            browsers; ``*`` is every page, none is none.
        cors_credentials: whether such pages may send cookies, too, which only a proxy before the gateway could want;
            never with ``*``.
        log_level: the least that is logged besides calls: ``debug``, ``info``, ``warning`` or ``error``.
        log_client_address: whether the log's line of a call names its client's IP address; that of a request that was
            refused does in any case.
        api_requests_per_minute: how often one key may ask the API of scripts (``/v1/key``, ``/api/v1/keys`` and their
            kin) in each worker; calls are counted apart.
    """

    node: str = ""
    host: str = "127.0.0.1"
    port: int = field(default=8080, metadata={"min": 0, "max": 65535})
    workers: int = field(default=0, metadata={"min": 0, "max": 512})
    grace_s: float = field(default=30.0, metadata=SECONDS)
    unready_s: float = field(default=5.0, metadata=SECONDS)
    header_timeout_s: float = field(default=30.0, metadata=SECONDS)
    body_timeout_s: float = field(default=60.0, metadata=SECONDS)
    keep_alive_s: float = field(default=75.0, metadata=SECONDS)
    send_timeout_s: float = field(default=60.0, metadata=SECONDS)
    pid_file: str = ""
    max_connections: int = field(default=10_000, metadata={"min": 1, "max": 1_000_000})
    max_connections_per_address: int = field(default=0, metadata={"min": 0, "max": 1_000_000})
    tls_cert: str = ""
    tls_key: str = ""
    trusted_proxies: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    cors_credentials: bool = False
    log_level: str = field(default="warning", metadata={"one_of": ("debug", "info", "warning", "error")})
    log_client_address: bool = False
    api_requests_per_minute: int = field(default=600, metadata={"min": 1, "max": 1_000_000})

    def __post_init__(self) -> None:
        check_pair(self.tls_cert, self.tls_key)


@dataclass(frozen=True)
class DatabaseSettings:
    """Where accounts, keys, the catalogue and usage are kept.

    Attributes:
        url: ``sqlite:///FILE`` (relative to the configuration's folder) or ``postgresql://USER:PASSWORD@HOST/NAME``;
            ``env:NAME`` keeps a password out of the file.
        wait_s: how long ``router serve`` waits at its start for a PostgreSQL server that does not answer, or takes no
            writes.
    """

    url: Secret = field(default=Secret("sqlite:///router.db"))
    wait_s: float = field(default=120.0, metadata={"min": 0, "max": 86_400})


@dataclass(frozen=True)
class GatewaySettings:
    """What clients see, and the limits on their calls.

    Attributes:
        profile: the dialect plugin.
        key_prefix: what new keys begin with; the dialect's where unset.
        currency: of all balances and charges.
        billing, rate_limit: policy plugins, one or several, asked in their order; ``none`` is no policy.
        upstream: the provider that serves those models of the profile's catalogue of which no provider of their own is
            set up.
        only_offers: true serves the profile's catalogue alone, with what ``router models add`` added, and ``models`` of
            providers' sections.
        streaming: false refuses streams with 400.
        max_body_bytes: of a request, before and after decompression.
        worker_body_bytes, account_body_bytes, key_body_bytes: of request bodies that are on their way at a time, in one
            worker: all, those of one account, those of one key.
        max_call_s: hard limit on a whole call, all attempts included.
        commit_after_s: silence after which a stream's 200 is sent before there is an item.
        heartbeat_s: silence after which a stream gets a comment.
        client_stall_s: how long a client may leave its stream unread.
        stream_buffer_bytes: how much of a stream waits for a slow client.
        drain_s: how long an abandoned stream is read on for its usage.
        max_attempts: upstream calls for one client's call.
        fall_back_on_content: whether a safety refusal by one provider may be tried at the next.
    """

    profile: str = "standard"
    key_prefix: str = ""
    currency: str = "USD"
    billing: tuple[str, ...] = field(default=("prepaid",), metadata={"or_one": True})
    rate_limit: tuple[str, ...] = field(default=("windows",), metadata={"or_one": True})
    upstream: str = ""
    only_offers: bool = False
    streaming: bool = True
    max_body_bytes: int = field(default=32 * 2**20, metadata={"min": 1024, "max": 2**31})
    worker_body_bytes: int = field(default=256 * 2**20, metadata={"min": 1024, "max": 2**40})
    account_body_bytes: int = field(default=128 * 2**20, metadata={"min": 1024, "max": 2**40})
    key_body_bytes: int = field(default=96 * 2**20, metadata={"min": 1024, "max": 2**40})
    max_call_s: float = field(default=3600.0, metadata=SECONDS)
    commit_after_s: float = field(default=15.0, metadata=SECONDS)
    heartbeat_s: float = field(default=10.0, metadata=SECONDS)
    client_stall_s: float = field(default=60.0, metadata=SECONDS)
    stream_buffer_bytes: int = field(default=2**20, metadata={"min": 4096, "max": 2**30})
    drain_s: float = field(default=120.0, metadata=SECONDS)
    max_attempts: int = field(default=4, metadata={"min": 1, "max": 32})
    fall_back_on_content: bool = False

    @property
    def bills(self) -> bool:
        """Whether calls are charged for."""
        return self.billing not in _NO_POLICY

    @property
    def limits(self) -> bool:
        """Whether a policy limits how often and how much is called."""
        return self.rate_limit not in _NO_POLICY


@dataclass(frozen=True)
class BillingSettings:
    """How calls are priced, bounded and charged. Decimal numbers are written as text, so that they stay exact.

    Attributes:
        markup: what list prices are multiplied by; prices that an operator sets are charged as they are.
        usd_rate: units of the balance currency for one USD; empty where that is USD, or where the rate is fetched.
        usd_rate_url: where the rate is fetched from, once an hour: a JSON document.
        usd_rate_field: where in that document it stands (``rates.TMT``).
        min_output_tokens: a call that names no cap of its own is refused rather than cut to less than this.
        max_output_tokens: the cap of such a call where the model's card names none.
        expired: what becomes of a call whose worker died: ``void`` charges what it is known to have used, ``capture``
            what it held.
        store_answer_bytes: the largest answer that is kept for an ``Idempotency-Key``.
        store_account_bytes: how much of such answers is kept for one account, in a day.
    """

    markup: str = "1"
    usd_rate: str = ""
    usd_rate_url: str = ""
    usd_rate_field: str = ""
    min_output_tokens: int = field(default=256, metadata={"min": 1, "max": 10_000_000})
    max_output_tokens: int = field(default=16_384, metadata={"min": 1, "max": 10_000_000})
    expired: str = field(default="void", metadata={"one_of": ("void", "capture")})
    store_answer_bytes: int = field(default=2**20, metadata={"min": 0, "max": 2**26})
    store_account_bytes: int = field(default=2**26, metadata={"min": 0, "max": 2**40})


@dataclass(frozen=True)
class LimitsTable:
    """Limits as they are written; those that are unset do not limit.

    Attributes:
        requests_per_minute: calls that begin within 60 s.
        tokens_per_minute: tokens in and out within 60 s.
        concurrent: calls under way.
        spend_per_day: charges in a calendar day, decimal text in the balance currency.
        spend_per_month: charges in a calendar month.
    """

    requests_per_minute: int | None = field(default=None, metadata={"min": 0, "max": 2**53})
    tokens_per_minute: int | None = field(default=None, metadata={"min": 0, "max": 2**53})
    concurrent: int | None = field(default=None, metadata={"min": 0, "max": 2**53})
    spend_per_day: str | None = None
    spend_per_month: str | None = None


@dataclass(frozen=True)
class TierLimits(LimitsTable):
    """``[limits.tiers.NAME]``: limits of each key of an account of that tier.

    Attributes:
        account: limits of all keys of such an account together.
    """

    account: LimitsTable = field(default_factory=LimitsTable)


@dataclass(frozen=True)
class TierSettings(TierLimits):
    """``[limits.tiers.NAME]``: limits of each key of an account of that tier, and how accounts come into it.

    Attributes:
        after: the tier that this one follows; ``none`` is no tier. Accounts of that go on into this one by themselves;
            unset leaves it to operators.
        days: how old an account is then at least, in whole days.
        paid: what it has paid in at least, without what went back, decimal text in the balance currency. What was
            granted is not paid.
    """

    after: str = ""
    days: int = field(default=0, metadata={"min": 0, "max": 36_500})
    paid: str = "0"


@dataclass(frozen=True)
class LimitsSettings(TierLimits):
    """``[limits]``: what holds where neither the key, nor its account, nor the account's tier says otherwise.

    Attributes:
        timezone: in which days and months begin (``Europe/Berlin``).
        tiers: limits of tiers, and which follows which, by name.
    """

    timezone: str = "UTC"
    tiers: Mapping[str, TierSettings] = field(default_factory=dict)


@dataclass(frozen=True)
class PluginsSettings:
    """Which of the installed plugins are loaded.

    Attributes:
        enabled: the only plugins to load; unset loads all that are installed.
        disabled: plugins to leave out.
        strict: true refuses to start with a plugin that does not load.
    """

    enabled: tuple[str, ...] | None = None
    disabled: tuple[str, ...] = ()
    strict: bool = False


@dataclass(frozen=True)
class ResponsesSettings:
    """What ``POST /v1/responses`` keeps for later turns, and what it leaves out.

    Attributes:
        store: whether answers are kept, so that ``previous_response_id`` and ``item_reference`` mean something; a
            client may say ``"store": false`` of its own.
        keep: for how long: a number and a unit, such as ``30d`` or ``12h``.
        max_bytes: the largest answer, with its input, that is kept.
        account_bytes: how much is kept for one account; beyond it answers are not kept.
        max_items: the most items that one request's ``input`` may hold: each that has an ID becomes a row.
        drop_tools: types of hosted tools (``file_search``) that are left out of requests, and named in
            ``x-router-dropped-params``; others are refused, but for ``web_search``, ``image_generation`` and
            ``tool_search`` beside tools of the client's own, which are left out in any case.
    """

    store: bool = True
    keep: str = "30d"
    max_bytes: int = field(default=4 * 2**20, metadata={"min": 1024, "max": 2**30})
    account_bytes: int = field(default=256 * 2**20, metadata={"min": 1024, "max": 2**50})
    max_items: int = field(default=10_000, metadata={"min": 1, "max": 1_000_000})
    drop_tools: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.keep_s <= 0:
            raise ValueError("keep must be longer than nothing; store = false keeps no answers")

    @property
    def keep_s(self) -> float:
        """The same in seconds."""
        return parse_duration_s(self.keep)
