"""What a plugin signs, and what it lets clients see: nothing that it was not meant to touch."""

from __future__ import annotations

from urllib.parse import urlsplit

from router.errors import UpstreamError, faults
from router.testing.conformance.base import Failed, NotOffered, expect
from router.testing.conformance.provider.bench import PROVIDER, ProviderBench
from router.testing.conformance.provider.inside import inside
from router.types.transport import Request, ResponseHead

__all__ = ["renews", "shows", "signs"]

_BODY = b'{"model":"m","messages":[]}'


def _hook(bench: ProviderBench, name: str) -> object:
    if name not in bench.plugin.hooks:
        raise NotOffered(f"it has no hook {name}")
    return bench.plugin.hooks[name]


@PROVIDER.rule(
    "P67",
    "Signing leaves method, place and body as they are, keeps the other headers, and does not touch what it was given.",
    remedy="Return dataclasses.replace(request, headers={**request.headers, ...}); make the body in chat.",
)
def signs(bench: ProviderBench) -> None:
    _hook(bench, "sign")
    with inside(bench) as hooks:
        base = hooks.context.settings.base_url.rstrip("/")
        given = Request("POST", f"{base}/chat/completions", {"X-Kept": "1"}, _BODY, hooks.context.timeouts)
        for _ in range(2):
            signed = bench.plugin.hooks["sign"](request=given, context=hooks.context)
            expect(isinstance(signed, Request), f"it gave {type(signed).__name__}, and no Request")
            expect((signed.method, signed.body) == ("POST", _BODY), "it changed the method or the body")
            place, kept = urlsplit(signed.url), urlsplit(given.url)
            expect(
                (place.scheme, place.netloc, place.path) == (kept.scheme, kept.netloc, kept.path), "it changed the URL"
            )
            expect(signed.headers.get("X-Kept") == "1", "a header of the request is gone")
            expect(dict(given.headers) == {"X-Kept": "1"}, "it changed the headers that it was given")


@PROVIDER.rule(
    "P68",
    "Whether to send once more after a 401 is said with True or False, whatever the answer's headers.",
    remedy="Return a bool from unauthorized: True only where a new token may help.",
)
def renews(bench: ProviderBench) -> None:
    _hook(bench, "unauthorized")
    with inside(bench) as hooks:
        request = Request("POST", f"{hooks.context.settings.base_url}/x", {}, _BODY, hooks.context.timeouts)
        for headers in ({}, {"www-authenticate": "Bearer"}, {"www-authenticate": 'Basic realm="x"'}):
            head = ResponseHead(401, headers)
            try:
                again = bench.plugin.hooks["unauthorized"](request=request, response=head, context=hooks.context)
            except UpstreamError:
                continue
            except faults() as error:
                raise Failed(f"with {headers} it raised {type(error).__name__}: {error}") from error
            expect(type(again) is bool, f"it gave {again!r}")


@PROVIDER.rule(
    "P69",
    "The headers that it lets through are the upstream's own, and hold no secret of the gateway's.",
    remedy="Choose from the headers that are given by a list of names; add nothing to them.",
)
def shows(bench: ProviderBench) -> None:
    _hook(bench, "response_headers")
    given = {"x-request": "7", "x-limit-left": "3", "set-cookie": "a=b", "content-length": "12", "server": "acme"}
    with inside(bench) as hooks:
        secret = hooks.context.settings.api_key.reveal()
        for headers in ({}, given):
            shown = dict(bench.plugin.hooks["response_headers"](headers=dict(headers), context=hooks.context))
            expect(not secret or secret not in str(shown), "it shows the key")
            made = {name for name in shown if str(name).lower() not in headers}
            expect(not made, f"it shows {sorted(map(str, made))}, which the upstream did not send")
