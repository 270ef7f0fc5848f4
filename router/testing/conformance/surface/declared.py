"""What a surface says of itself before there is a call."""

from __future__ import annotations

import json

from router.surfaces.collected import OWN, surface_faults
from router.testing.conformance.base import expect
from router.testing.conformance.surface.bench import SURFACE, SurfaceBench
from router.types.dialect import Dialect

__all__ = ["described", "served"]


@SURFACE.rule(
    "W01",
    "Names and paths are a surface's own: none is another's, and each can be served.",
    remedy="Choose a name and paths that no surface of the host has; a path begins with a slash and is ASCII.",
)
def served(bench: SurfaceBench) -> None:
    for index, one in enumerate(bench.surfaces):
        faults = list(surface_faults(one, Dialect(), (*OWN, *bench.surfaces[:index])))
        expect(not faults, "; ".join(faults))
        expect(one.paths(Dialect()), f"the surface {one.name!r} has no path at all")


@SURFACE.rule(
    "W02",
    "Calls are described: an operation, schemas of request and answers, and an example without a model.",
    remedy="Return a router.surfaces.SurfaceSchema from schema().",
)
def described(bench: SurfaceBench) -> None:
    for one in bench.surfaces:
        schema = one.schema()
        expect(schema is not None, f"the surface {one.name!r} describes nothing")
        assert schema is not None
        expect(schema.operation.isidentifier() and schema.summary, f"{one.name}: its operation or summary is none")
        expect("model" not in schema.example, f"{one.name}: the example names a model, which the description adds")
        for what in (schema.request, *schema.answers.values()):
            json.dumps(what, allow_nan=False)
            expect("type" in what or "anyOf" in what or "allOf" in what, f"{one.name}: {what!r} is no schema")
        expect(schema.answers, f"{one.name}: it describes no answer")
