"""A model server that none of us wrote: llama-cpp-python, built once outside of the source tree."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from router.testing import free_port

__all__ = ["SWITCH", "RealServer", "python_with_server", "serving"]

SWITCH = "ROUTER_TEST_REAL_SERVER"
"""Environment variable: ``build`` builds the server where it is not there yet, which takes minutes."""

_PACKAGES = ("llama-cpp-python[server]==0.3.16", "gguf==0.19.0")
_BUILD = {
    # As little as the server needs, and hardly optimised: the compiler is what takes the time.
    "CMAKE_ARGS": "-DCMAKE_CXX_FLAGS_RELEASE=-O0 -DCMAKE_C_FLAGS_RELEASE=-O1 -DGGML_NATIVE=OFF -DGGML_OPENMP=OFF"
    " -DLLAVA_BUILD=OFF -DLLAMA_CURL=OFF",
    "CMAKE_BUILD_PARALLEL_LEVEL": str(os.cpu_count() or 1),
}
_BUILD_LIMIT_S = 900.0
_START_LIMIT_S = 30.0


class RealServer:
    """The running server.

    Attributes:
        base_url: with ``/v1``.
        model: what it calls its model.
    """

    model = "tiny"

    def __init__(self, port: int) -> None:
        self.base_url = f"http://127.0.0.1:{port}/v1"
        self._port = port

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """What the server itself answers, without the gateway."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request("POST", f"/v1{path}", json.dumps(body), {"Content-Type": "application/json"})
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def answers(self) -> bool:
        """Whether it is ready."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=2)
        try:
            connection.request("GET", "/v1/models")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def python_with_server() -> Path:
    """The interpreter of an environment that holds the server; built if ``SWITCH`` says so.

    Raises:
        RuntimeError: it is not there, and why.
    """
    digest = hashlib.sha256(" ".join((*_PACKAGES, *_BUILD["CMAKE_ARGS"].split())).encode()).hexdigest()
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tollrouter"
    folder = caches / f"llama-{sys.version_info[0]}.{sys.version_info[1]}-{digest[:12]}"
    ready = folder / "ready"
    if not ready.exists():
        if os.environ.get(SWITCH) != "build":
            raise RuntimeError(f"llama-cpp-python is not built here; {SWITCH}=build builds it once (2 to 10 minutes)")
        _build(folder)
        ready.touch()
    return folder / "bin" / "python"


def _build(folder: Path) -> None:
    environment = os.environ | _BUILD
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [str(folder / "bin" / "pip"), "install", "--disable-pip-version-check", *_PACKAGES],
    ):
        try:
            subprocess.run(command, env=environment, capture_output=True, timeout=_BUILD_LIMIT_S, check=True)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"llama-cpp-python was not built within {_BUILD_LIMIT_S:g} s") from None
        except subprocess.CalledProcessError as failed:
            said = failed.stderr.decode(errors="replace").strip()[-1000:]
            raise RuntimeError(f"llama-cpp-python cannot be built here: {said}") from None


@contextlib.contextmanager
def serving(python: Path, folder: Path) -> Iterator[RealServer]:
    """The server on a random model made in ``folder``, until the block ends.

    Raises:
        RuntimeError: it did not start; with the end of its log.
    """
    model, log = folder / "tiny.gguf", folder / "server.log"
    subprocess.run([str(python), str(Path(__file__).with_name("tiny_model.py")), str(model)], check=True, timeout=60)
    port = free_port()
    options = {
        "--model": str(model),
        "--model_alias": RealServer.model,
        "--port": str(port),
        "--n_ctx": "256",
        "--embedding": "true",
        "--interrupt_requests": "false",
    }
    command = [str(python), "-m", "llama_cpp.server", *(word for option in options.items() for word in option)]
    with (
        log.open("wb") as output,
        subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT) as process,
    ):
        try:
            server = RealServer(port)
            deadline = time.monotonic() + _START_LIMIT_S
            while not server.answers():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the server did not start: {log.read_text(errors='replace')[-2000:]}")
                time.sleep(0.05)
            yield server
        finally:
            process.terminate()
