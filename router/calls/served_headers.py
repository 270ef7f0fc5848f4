"""How a call was served, as the headers of its answer tell the client."""

from __future__ import annotations

from collections.abc import Mapping

from router.calls.admission import Admission
from router.calls.attempt_rows import attempt_text
from router.calls.call import ActiveCall
from router.calls.kept_answer import CHARGE
from router.charging.targets import header_text
from router.money.amounts import format_nano
from router.surfaces.canonical.ladder import named_in_a_header
from router.types.dialect import Dialect

__all__ = ["served_headers"]


def served_headers(
    dialect: Dialect, admission: Admission, active: ActiveCall, first: Mapping[str, str] | None = None
) -> dict[str, str]:
    """What the client is told of how its call was served, as far as that is known, and the dialect shows it.

    Args:
        first: what stands before; None for what a good answer has.
    """
    if first is None:
        surface = active.surface
        first = active.relay.headers or (surface.stream_headers if active.stream else surface.plain_headers)
        if active.stream and active.translated is not None:
            first = active.translated.face.stream_headers or first
    headers = {**active.passed_on, **first, **admission.headers(active)}
    if active.surface.id_header:
        headers[active.surface.id_header] = active.request_id
    stripped, dropped = active.stripped_params, active.dropped
    if active.native and active.translated is not None:
        stripped, dropped = active.translated.dropped_natively, ()
    if stripped or dropped:
        headers["x-router-dropped-params"] = ", ".join(map(header_text, named_in_a_header([*stripped, *dropped])))
    attempts = active.attempts
    if dialect.shows_served and attempts:
        if len(attempts) == 1 and active.target is not None:
            provider, model = active.target.served
            shown = f"{provider}/{model};{attempts[0].kind};{attempts[0].latency_ms}ms"
        else:
            provider, model = header_text(attempts[-1].provider), header_text(attempts[-1].model)
            shown = ", ".join(map(attempt_text, attempts))
        headers |= {"x-router-provider": provider, "x-router-model": model, "x-router-attempts": shown}
    if active.recalled is not None:
        headers["x-router-cache"] = "hit"
    if active.settled is not None and not active.answered:  # a stream's head goes out before it is known
        headers[CHARGE] = format_nano(active.settled.charge_nano)
    return headers
