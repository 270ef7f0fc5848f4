"""One event sent to one URL: bounded in time and in what is read of the answer, and no redirect is followed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from router.config.provider import Timeouts
from router.errors import BadRequest, UpstreamError
from router.http_client.dial import HostResolver
from router.http_client.exceptions import AnswerTooLong
from router.http_client.head import parse_target
from router.http_client.pool import PoolTransport
from router.i18n.worded import worded
from router.types.transport import Request
from router.webhooks.addresses import CheckedResolver, NotPublic, is_loopback, is_public

__all__ = ["Answered", "HttpWebhookSender", "WebhookSender", "check_webhook_url"]

_URL_MAX = 2048
_READ_MAX = 4096
_CONNECT_S = 5.0
_CONTENT = {"content-type": "application/json", "user-agent": "router-webhooks/1"}
_GOOD = range(200, 300)


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of one sending.

    Attributes:
        status: of the answer; None where none came.
        words: what was wrong; empty where it was taken.
        detail: what operators alone may know of that, as where a name leads within their network; empty for no more.
    """

    status: int | None
    words: str = ""
    detail: str = ""

    @property
    def taken(self) -> bool:
        """Whether the receiver has it."""
        return not self.words


class WebhookSender(Protocol):
    """Sends events to one URL after the other."""

    def send(self, url: str, body: bytes, headers: dict[str, str]) -> Answered:
        """Send one; never raises for what the receiver, its name or the network does."""
        ...

    def close(self) -> None:
        """Close what is open."""
        ...


class HttpWebhookSender:
    """``WebhookSender`` by our own pool, one connection a URL at most.

    Args:
        timeout_s: for all of one sending.
        allow_loopback: whether this machine may be reached, by ``http`` too.
        anywhere: whether every address may be: the operator's own URL.
    """

    def __init__(self, timeout_s: float, *, allow_loopback: bool = False, anywhere: bool = False) -> None:
        self._timeouts = Timeouts(min(_CONNECT_S, timeout_s), timeout_s, timeout_s, timeout_s)
        self._allow_loopback = allow_loopback
        self._anywhere = anywhere
        self._secure = PoolTransport(1, 1, resolver=self._resolver(self._may_secure))
        self._plain = PoolTransport(1, 1, resolver=self._resolver(is_loopback))

    def send(self, url: str, body: bytes, headers: dict[str, str]) -> Answered:
        """See ``WebhookSender.send``."""
        try:
            if not self._anywhere:
                check_webhook_url(url, allow_loopback=self._allow_loopback)
            transport = self._secure if parse_target(url).origin.scheme == "https" else self._plain
            response = transport.send(Request("POST", url, {**_CONTENT, **headers}, body, self._timeouts))
        except (BadRequest, ValueError) as error:
            return Answered(None, getattr(error, "message", str(error)))
        except UpstreamError as error:
            refused = error.__cause__
            if isinstance(refused, NotPublic):
                return Answered(None, str(refused), refused.detail)
            return Answered(None, error.message.removeprefix("upstream "))
        try:
            response.read(_READ_MAX)
        except AnswerTooLong:
            pass  # what it says beside its status is nobody's concern
        except UpstreamError as error:
            return Answered(response.status, error.message)
        finally:
            response.close()
        return Answered(response.status, "" if response.status in _GOOD else _said(response.status))

    def close(self) -> None:
        """See ``WebhookSender.close``."""
        self._secure.close()
        self._plain.close()

    def _resolver(self, allowed: Callable[[str], bool]) -> HostResolver:
        return HostResolver() if self._anywhere else CheckedResolver(allowed)

    def _may_secure(self, address: str) -> bool:
        return is_public(address) or (self._allow_loopback and is_loopback(address))


def check_webhook_url(url: str, *, allow_loopback: bool = False) -> None:
    """Check a URL to which a customer wants events sent, as far as that can be told without asking for its name.

    Raises:
        BadRequest: what is wrong with it.
    """
    if len(url) > _URL_MAX:
        raise BadRequest(worded("A URL has %(most)s characters at most.", most=_URL_MAX), param="url")
    if any(character.isspace() or not character.isprintable() for character in url) or "#" in url:
        raise BadRequest("A URL has no blanks, and no part behind a #.", param="url")
    try:
        origin = parse_target(url).origin
    except ValueError as error:
        message = worded("This is no URL that events can be sent to: %(why)s.", why=error)
        raise BadRequest(message, param="url") from None
    if origin.scheme != "https" and not allow_loopback:
        raise BadRequest("Events are sent over https alone: the URL must begin with https://.", param="url")
    try:
        fits = is_public(origin.host) or (allow_loopback and is_loopback(origin.host))
    except ValueError:
        return  # a name: where it leads is looked at whenever something is sent
    if not fits:
        raise BadRequest(worded("%(host)s is not a public address.", host=origin.host), param="url")


def _said(status: int) -> str:
    if 300 <= status < 400:
        return f"answered {status}: redirects are not followed; set the URL to where it leads"
    return f"answered {status}"
