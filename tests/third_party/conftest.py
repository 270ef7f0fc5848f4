"""Third parties' plugins, installed as a package is, before a scripted upstream."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from router.testing import Answer, ScriptedUpstream, completion

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as scripted:
        scripted.on("/v1/chat/completions", Answer(completion("Hello")))
        yield scripted


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, install: Callable[..., None]) -> Callable[..., dict[str, str]]:
    """``site("coupons", ...)``: the environment of a gateway that has these plugins installed."""

    def installed(*names: str) -> dict[str, str]:
        folder = tmp_path_factory.mktemp("site")
        for name in names:
            install(folder, f"third-{name}", name, HERE.joinpath(f"{name}.py").read_text(encoding="utf-8"))
            wire = HERE / f"{name}_wire.py"
            if wire.exists():
                folder.joinpath(wire.name).write_text(wire.read_text(encoding="utf-8"), encoding="utf-8")
                with folder.joinpath(f"third_{name}-2.3.dist-info/entry_points.txt").open("a") as points:
                    points.write(f"[router.wires]\n{name} = {name}_wire:WIRE\n")
        return {"PYTHONPATH": os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))}

    return installed
