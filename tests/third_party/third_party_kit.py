"""What tests of third parties' plugins share."""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, NamedTuple

from router.testing import Gateway

SECRET = "op-a-secret-of-the-operator"


class Heard(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(gateway: Gateway, path: str, body: Any = None, *, secret: str = "", method: str | None = None) -> Heard:
    """One request to the gateway, with JSON where there is a body."""
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if secret:
        headers["Authorization"] = f"Bearer {secret}"
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{gateway.url}{path}", data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return Heard(response.status, dict(response.headers), response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Heard(error.code, dict(error.headers), error.read())


def be_operator(gateway: Gateway) -> None:
    """What ``router init`` leaves of the operator's secret."""
    digest = hashlib.sha256(SECRET.encode()).hexdigest()
    gateway.folder.joinpath("operator.sha256").write_text(f"{digest}\n", encoding="ascii")
