"""A gateway elsewhere: its operators' API, asked for what a command would do here."""

from __future__ import annotations

import ipaddress
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import click
import requests
from urllib3.exceptions import ProtocolError

from router.errors import RouterError
from router.office.forms.usage import ExportForm
from router.office.operations.operation import OfficeOperation, OperationAnswer

__all__ = ["REMOTE_KEY", "REMOTE_KEY_FILE", "RemoteGateway", "check_remote", "is_loopback", "remote_key"]

REMOTE_KEY = "ROUTER_REMOTE_KEY"
"""The environment variable that holds the operator's key."""

REMOTE_KEY_FILE = "ROUTER_REMOTE_KEY_FILE"
"""The one that names a file with the key in it, where the first is not set."""

_BASE = "/api/v1/admin"
_EXPORT = f"{_BASE}/usage/export"
_CONNECT_S, _READ_S = 10.0, 600.0
_PAUSES_S = (0.5, 2.0, 5.0)  # before what moves money is asked for again, under the same Idempotency-Key
_AGAIN = ("lost", "idempotency_in_progress")


def remote_key(environ: Mapping[str, str]) -> str:
    """The operator's key of the environment, or of the file that it names; empty where there is none. No option takes
    it: every user of the machine can read what programs are started with.

    Raises:
        click.UsageError: the file cannot be read.
    """
    key, file = environ.get(REMOTE_KEY, "").strip(), environ.get(REMOTE_KEY_FILE, "")
    if key or not file:
        return key
    try:
        return Path(file).read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        said = os.strerror(error.errno or 0) if isinstance(error, OSError) else "it is not text"
        raise click.UsageError(f"{REMOTE_KEY_FILE}: {file!r} cannot be read: {said}") from None


def check_remote(url: str, key: str) -> None:
    """Refuse what cannot be a gateway's URL, or a key.

    Raises:
        click.UsageError: naming what is wrong.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and not parts.query
    except ValueError:
        good = False
    if not good or urlsplit(url).username is not None:
        raise click.UsageError(f"--remote: {_unsecret(url)!r} is not a gateway's URL: write https://HOST")
    if urlsplit(url).scheme == "http" and not is_loopback(url):
        raise click.UsageError(
            f"--remote: over http:// the operator's key could be read on the way to {_unsecret(url)!r}: "
            "write https://HOST, or make a tunnel and give its end on this machine (http://127.0.0.1:PORT)"
        )
    if not key:
        raise click.UsageError(
            f"--remote needs an operator's key in {REMOTE_KEY}, or in the file that {REMOTE_KEY_FILE} names: "
            "`router keys create --operator` makes one there"
        )
    if not (key.isascii() and key.isprintable()):
        raise click.UsageError(f"the key for --remote holds characters that no key has: copy {REMOTE_KEY} again")


class RemoteGateway:
    """Asks one.

    Args:
        url: with or without ``/v1`` behind it.
        key: an operator's.
    """

    def __init__(self, url: str, key: str) -> None:
        check_remote(url, key)
        self._root = url.rstrip("/").removesuffix("/v1")
        self._key = key
        self._client = requests.Session()
        self._client.trust_env = not is_loopback(url)  # a proxy of the environment does not lead to this machine

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def run(
        self, operation: OfficeOperation, values: Mapping[str, Any], tell: Callable[[str], None]
    ) -> OperationAnswer:
        """Have an operation done there.

        Args:
            values: as its function takes them.
            tell: hears of the progress of a long one.

        Raises:
            RouterError: what the gateway refuses, in its words; or that none answers.
        """
        sent = _as_json(operation, values)
        if operation.method == "GET":
            response = self._ask("GET", f"{_BASE}{operation.path}", params=_as_query(sent), stream=operation.long)
        else:
            response = self._post(operation, sent)
        with response:
            answer = self._told(response, tell) if operation.long else _decoded(response.content)
        return OperationAnswer(answer["data"], answer.get("warnings", ()), answer.get("notes", ()))

    def _post(self, operation: OfficeOperation, sent: Mapping[str, Any]) -> requests.Response:
        """Ask for it; where money moves and the answer gets lost, again: it is done once all the same."""
        path = f"{_BASE}{operation.path}"
        if not operation.once:
            return self._ask("POST", path, json=sent, stream=operation.long)
        headers = {"Idempotency-Key": str(uuid4())}
        for pause_s in _PAUSES_S:
            try:
                return self._ask("POST", path, json=sent, headers=headers)
            except RouterError as error:
                if error.code not in _AGAIN:
                    raise
            time.sleep(pause_s)
        return self._ask("POST", path, json=sent, headers=headers)

    def export(self, **values: Any) -> Iterator[str]:
        """The lines of the CSV of usage rows; ``values`` are those of ``ExportForm``.

        Raises:
            RouterError: as ``run``; also where the answer breaks off.
        """
        return self._csv_lines(self._ask("GET", _EXPORT, params=_as_query(ExportForm().dump(values)), stream=True))

    def _csv_lines(self, response: requests.Response) -> Iterator[str]:
        with response:
            response.encoding = "utf-8"
            rest = ""
            for piece in self._pieces(response):
                *lines, rest = (rest + piece).split("\n")
                yield from (f"{line}\n" for line in lines)
            if rest:
                yield rest

    def _pieces(self, response: requests.Response) -> Iterator[str]:
        try:
            yield from response.iter_content(chunk_size=65536, decode_unicode=True)
        except requests.RequestException as error:
            raise _cut(error) from error

    def _told(self, response: requests.Response, tell: Callable[[str], None]) -> dict[str, Any]:
        """The last line of an answer that comes line by line."""
        try:
            for line in response.iter_lines():
                value = _decoded(line)
                if "error" in value:
                    raise _refusal(value)
                if "data" in value:
                    return value
                if value.get("progress"):
                    tell(str(value["progress"]))
        except requests.RequestException as error:
            raise _cut(error) from error
        raise RouterError("the answer of the gateway broke off before its end", code="cut")

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response:
        def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
            request.headers["Authorization"] = f"Bearer {self._key}"
            return request

        place = urlsplit(self._root).netloc
        try:
            response = self._client.request(
                method,
                f"{self._root}{path}",
                auth=authorize,
                timeout=(_CONNECT_S, _READ_S),
                allow_redirects=False,
                **options,
            )
            if response.status_code != 200:
                raise _refusal(_decoded(response.content))
        except (requests.RequestException, UnicodeError) as error:
            if _is_lost(error):
                raise RouterError(
                    f"the gateway at {place} took the request and gave no answer: it may have been done, which "
                    "`audit show` tells",
                    code="lost",
                ) from error
            raise RouterError(
                f"no answer from the gateway at {place} ({type(error).__name__}): is it running, is --remote right?",
                code="no_gateway",
            ) from error
        return response


def _is_lost(error: Exception) -> bool:
    """Whether the request had been sent."""
    cause = error.args[0] if error.args else None
    return isinstance(error, requests.ReadTimeout | requests.exceptions.ChunkedEncodingError) or isinstance(
        cause, ProtocolError
    )


def is_loopback(url: str) -> bool:
    """Whether a URL names this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _unsecret(url: str) -> str:
    """A URL as messages have it: without who may have been named before its host."""
    return url.rpartition("@")[2]


def _as_json(operation: OfficeOperation, values: Mapping[str, Any]) -> dict[str, Any]:
    sent: dict[str, Any] = operation.form().dump(values)
    return sent


def _as_query(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Values as a query has them: what is null is left out."""
    told = {True: "true", False: "false"}
    given = {name: value for name, value in sent.items() if value is not None}
    return {name: told[value] if isinstance(value, bool) else value for name, value in given.items()}


def _decoded(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except ValueError:
        value = None
    if not isinstance(value, dict) or not {"data", "error", "progress"} & set(value):
        raise RouterError(
            "what answers there is no gateway's API for operators: is --remote right, is the gateway as new as this?",
            code="not_a_gateway",
        )
    return value


def _refusal(value: Mapping[str, Any]) -> RouterError:
    found = value.get("error")
    error = found if isinstance(found, dict) else {"message": str(found or "no reason was given")}
    code = str(error.get("code") or error.get("type") or "refused")
    return RouterError(str(error.get("message") or "no reason was given"), code=code)


def _cut(error: Exception) -> RouterError:
    return RouterError(f"the connection to the gateway was lost: {error}", code="cut")
