"""Paths of a plugin's own, below ``/plugins/NAME``, and what a portal's menu shows of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from router.types.keys import Key
from router.types.portal_page import PortalPage

__all__ = ["ACCESS", "MenuEntry", "PluginRoute", "RouteRequest", "RouteResponse", "RouteSchema"]

ACCESS = ("public", "key", "session", "operator")
"""Who may ask for a route: everybody; whoever shows a key of the gateway's; an account with a portal's session; the
operator, by the secret that ``router init`` shows once.
"""


@dataclass(frozen=True, slots=True)
class RouteRequest:
    """A request to a plugin's route.

    Attributes:
        method, path: ``GET``, and the path below ``/plugins/NAME``.
        params: what stood in the path's ``{names}``.
        query: decoded; of a name that comes twice, the last.
        headers: lower-case names; credentials that the host has checked are left out.
        body: at most the route's ``max_body_bytes``.
        key: of a route for ``key``; else None.
        account: of a route for ``key`` or ``session``; else empty.
        person: who is logged in, of a page in the portal; else empty.
        role: what they may do there: ``owner``, ``developer``, ``viewer``, or ``operator``.
        client: the client's IP address.
        request_id: ours, also sent back as ``x-request-id``.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    key: Key | None = None
    account: str = ""
    client: str = ""
    request_id: str = ""
    person: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class RouteResponse:
    """What a route answers.

    Attributes:
        body: bytes, whatever they are.
        status: from 200 to 599.
        headers: ``Content-Type`` among them; without it, plain text.
        page: shown in the portal's frame, in place of the body, to who is logged in there.
        go_to: the path of another route of the plugin that the portal leads on to, as after a form.
    """

    body: bytes = field(default=b"", repr=False)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    page: PortalPage | None = None
    go_to: str = ""

    @classmethod
    def json(cls, value: Any, status: int = 200) -> RouteResponse:
        """A JSON document."""
        return cls(json.dumps(value).encode("ascii"), status, {"Content-Type": "application/json"})


@dataclass(frozen=True, slots=True)
class RouteSchema:
    """What ``/openapi.json`` says of a route, beside its path, its methods and who may ask.

    Attributes:
        summary: one sentence.
        request: media type -> JSON Schema of a body; empty where none is read.
        answers: media type -> JSON Schema of a good answer; empty for any.
        query: name -> JSON Schema of what a query may say under it.
        status: of a good answer.
    """

    summary: str
    request: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    query: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class PluginRoute:
    """One path of a plugin.

    Attributes:
        path: below ``/plugins/NAME``, such as ``/coupons/{code}``; a part in braces is any text without a slash.
        methods: in capitals.
        access: one of ``ACCESS``.
        handler: gives the answer. It runs in a greenlet, and waits for nothing but I/O; a ``RouterError`` is told to
            the client in the dialect's shape, any other exception is a 500 that shows nothing.
        max_body_bytes: of a request.
        timeout_s: how long the handler may take.
        schema: what ``/openapi.json`` says of it; None for its path, its methods and who may ask.
    """

    path: str
    methods: tuple[str, ...]
    access: str
    handler: Callable[[RouteRequest], RouteResponse]
    max_body_bytes: int = 2**20
    timeout_s: float = 30.0
    schema: RouteSchema | None = None


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """One entry of a portal's menu.

    Attributes:
        title: as it is shown.
        path: of one of the plugin's routes, below ``/plugins/NAME``.
        audience: ``customer`` or ``operator``.
    """

    title: str
    path: str
    audience: str = "customer"
