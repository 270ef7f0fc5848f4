"""What a surface makes of failures."""

from __future__ import annotations

import json

from router.errors import UpstreamError
from router.http import samples
from router.testing.conformance.base import expect
from router.testing.conformance.surface.bench import SURFACE, SurfaceBench
from router.types.dialect import Dialect

__all__ = ["bodies", "ends"]

_STATUSES = range(400, 600)


@SURFACE.rule(
    "W30",
    "Every error has a status from 400 on, and a body in JSON that says what was wrong.",
    remedy="Return the error's message from error_body(), and a failing status from error_status().",
)
def bodies(bench: SurfaceBench) -> None:
    dialect = Dialect()
    for one in bench.surfaces:
        for error in [*samples.call_errors(), *samples.keyed_errors()]:
            status, body = one.error_status(dialect, error), one.error_body(dialect, error, "req_1")
            expect(status in _STATUSES, f"{one.name}: {error.code} has the status {status}")
            text = json.dumps(body, allow_nan=False)
            said = json.dumps(dialect.said(error))[1:-1]
            expect(said in text, f"{one.name}: {error.code} does not say {error.message!r}: {text}")


@SURFACE.rule(
    "W31",
    "A stream that fails ends otherwise than a good one, before any output and after it.",
    remedy="Write an error event of the wire from error_frame(), and nothing of a good end.",
)
def ends(bench: SurfaceBench) -> None:
    for one in bench.streaming():
        for before in (0, 3):
            good, bad = (bench.translated(one, bench.example(one, stream=True)).face for _ in range(2))
            shown = [face.frames(bench.chunks()[:before]) if before else b"" for face in (good, bad)]
            end, failed = good.end_frame(), bad.error_frame(UpstreamError("connection", "It broke off."))
            expect(failed and failed != end, f"{one.name}: a failure ends as a good stream does: {failed!r}")
            expect(shown[0] or not before or failed, f"{one.name}: nothing was shown at all")
