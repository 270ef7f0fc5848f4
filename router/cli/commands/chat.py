"""``router chat``: a small client over HTTP, for trying a running gateway."""

from __future__ import annotations

import ipaddress
import json
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import click
import requests
import sseclient

from router.cli.support.output import printable
from router.cli.support.own_gateway import own_session
from router.cli.support.session import CommandSession, common
from router.config.tls import local_url
from router.errors import RouterError

__all__ = ["chat"]

_CONNECT_S = 5.0
_READ_S = 600.0


@click.command()
@click.argument("model")
@click.argument("prompt", required=False)
@click.option("--stream", is_flag=True, help="Print the answer as it comes.")
@click.option("--url", help="The gateway's URL.  [default: from the configuration's host and port]")
@click.option("--api-key", envvar="ROUTER_API_KEY", show_envvar=True, metavar="KEY", help="A key of the gateway.")
@common
def chat(
    session: CommandSession, model: str, prompt: str | None, stream: bool, url: str | None, api_key: str | None
) -> None:
    """Send PROMPT, or what stdin holds, to MODEL at a running gateway, and print the answer."""
    if not api_key:
        raise click.UsageError("there is no key: give --api-key or set ROUTER_API_KEY (`router keys create` makes one)")
    if not (api_key.isascii() and api_key.isprintable()):
        raise click.UsageError("the key holds characters that no key has: copy it again")
    text = _prompt(session) if prompt is None else prompt
    body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": text}]}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    with requests.Session() if url else own_session(session.settings) as client:
        response = _post(client, _endpoint(url or local_url(session.settings)), api_key, body)
        with response:
            answer = _Answer(response)
            pieces = answer.streamed() if stream else answer.plain()
            for piece in pieces:
                if not session.as_json:
                    click.echo(printable(piece), nl=False)
    session.show(answer.value(model), "")


class _Answer:
    """The gateway's answer: its text piece by piece, then all of it as one value."""

    def __init__(self, response: requests.Response) -> None:
        self._response = response
        self._text: list[str] = []
        self._finish: str | None = None
        self._usage: Any = None

    def plain(self) -> Iterator[str]:
        """The text in one piece."""
        yield from self._pieces(_decoded(self._response.content), "message")

    def streamed(self) -> Iterator[str]:
        """The text as it comes."""
        if "event-stream" not in self._response.headers.get("content-type", ""):
            yield from self.plain()
            return
        try:
            for event in sseclient.SSEClient(self._response.iter_content(chunk_size=None)).events():
                if event.data == "[DONE]":
                    return
                yield from self._pieces(_decoded(event.data), "delta")
        except requests.RequestException as error:
            raise RouterError(f"the connection to the gateway was lost: {error}", code="cut") from error
        raise RouterError("the stream ended without [DONE]: the answer is not complete", code="cut")

    def value(self, model: str) -> dict[str, Any]:
        """The whole answer, for ``--json``."""
        return {
            "model": model,
            "text": "".join(self._text),
            "finish_reason": self._finish,
            "usage": self._usage,
            "request_id": self._response.headers.get("x-request-id"),
            "provider": self._response.headers.get("x-router-provider"),
        }

    def _pieces(self, value: Any, part: str) -> Iterator[str]:
        if "error" in value:
            raise _refusal(self._response.status_code, value)
        self._usage = value.get("usage") or self._usage
        for choice in value.get("choices") or ():
            self._finish = choice.get("finish_reason") or self._finish
            piece = (choice.get(part) or {}).get("content")
            if piece:
                self._text.append(piece)
                yield piece


def _prompt(session: CommandSession) -> str:
    if sys.stdin.isatty():
        session.note("Write the prompt; Ctrl-D ends it.")
    text = sys.stdin.buffer.read().decode("utf-8", "replace")
    if not text.strip():
        raise click.UsageError("the prompt is empty: give PROMPT, or write it to stdin")
    return text


def _endpoint(url: str) -> str:
    """Where chat calls go, for a gateway's URL with or without ``/v1``."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise click.UsageError(f"--url: {url!r} is not a URL: write http://HOST:PORT")
    base = url.rstrip("/")
    return f"{base}/chat/completions" if base.endswith("/v1") else f"{base}/v1/chat/completions"


def _post(client: requests.Session, url: str, api_key: str, body: dict[str, Any]) -> requests.Response:
    def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {api_key}"
        return request

    client.trust_env = not _is_loopback(url)  # a proxy of the environment does not lead to this machine
    try:
        response = client.post(
            url, json=body, auth=authorize, stream=True, timeout=(_CONNECT_S, _READ_S), allow_redirects=False
        )
        if response.status_code != 200:
            raise _refusal(response.status_code, _decoded(response.content))
    except (requests.RequestException, UnicodeError) as error:
        place = urlsplit(url).netloc.rpartition("@")[2]
        raise RouterError(
            f"no answer from the gateway at {place} ({type(error).__name__}): is it running, is --url right?",
            code="no_gateway",
        ) from error
    return response


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _decoded(data: str | bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise RouterError("what answers there does not speak OpenAI's API: is --url a gateway's?", code="not_a_gateway")
    return value


def _refusal(status: int, value: dict[str, Any]) -> RouterError:
    found = value.get("error")
    error = found if isinstance(found, dict) else {"message": str(found or "no reason was given")}
    code = str(error.get("code") or error.get("type") or "refused")
    return RouterError(f"the gateway answered {status} {code}: {error.get('message')}", code=code)
