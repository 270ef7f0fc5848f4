"""Other gateways, each at the setting that is best for it: one process, no debug output, no database."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from bench.load import Target
from bench.machine import BenchError
from bench.systems import UPSTREAM_KEY, Server, System, Upstreams
from bench.tools import HERE
from router.testing import free_port

__all__ = ["LiteLLM", "Portkey", "Running"]

_MASTER_KEY = "sk-bench-master"
_MODELS = ("gpt-4o", "text-embedding-3-small")


class LiteLLM(Server):
    """LiteLLM's proxy: a master key, one worker, no callbacks, no database."""

    name = "LiteLLM"

    def __init__(self, folder: Path, upstreams: Upstreams) -> None:
        super().__init__(folder)
        self._port = free_port()
        models = [
            {
                "model_name": f"{name}/{model}",
                "litellm_params": {"model": f"openai/{model}", "api_base": url, "api_key": UPSTREAM_KEY},
            }
            for name, url in upstreams.urls().items()
            for model in _MODELS
        ]
        settings = {"set_verbose": False, "telemetry": False, "request_timeout": 600}
        config = {
            "model_list": models,
            "litellm_settings": settings,
            "general_settings": {"master_key": _MASTER_KEY, "disable_spend_logs": True},
        }
        (folder / "config.yaml").write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML

    def command(self) -> Sequence[str]:
        options = ["--config", "config.yaml", "--host", "127.0.0.1", "--port", str(self._port), "--num_workers", "1"]
        return [str(HERE / ".venv-litellm" / "bin" / "litellm"), *options]

    def environment(self) -> Mapping[str, str]:
        return {
            "LITELLM_LOG": "ERROR",
            "LITELLM_MODE": "PRODUCTION",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_TELEMETRY": "False",
        }

    def target(self, upstream: str = "fast", model: str = "gpt-4o") -> Target:
        return Target(self._port, {"Authorization": f"Bearer {_MASTER_KEY}"}, f"{upstream}/{model}")


class Portkey(Server):
    """Portkey's gateway: no keys of its own, no billing; headers choose the upstream."""

    name = "Portkey"

    def __init__(self, folder: Path, upstreams: Upstreams) -> None:
        super().__init__(folder)
        self._port = free_port()
        self._urls = upstreams.urls()

    def command(self) -> Sequence[str]:
        script = HERE / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
        return ["node", str(script), f"--port={self._port}", "--headless"]

    def environment(self) -> Mapping[str, str]:
        return {"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost"}

    def target(self, upstream: str = "fast", model: str = "gpt-4o") -> Target:
        headers = {
            "Authorization": f"Bearer {UPSTREAM_KEY}",
            "x-portkey-provider": "openai",
            "x-portkey-custom-host": self._urls[upstream],
        }
        return Target(self._port, headers, model)


class Running(System):
    """A gateway that somebody has started already, with whatever accounting it does switched on.

    Args:
        text: ``NAME=URL,KEY,MODEL``: the base URL (``http://127.0.0.1:4000/v1``) with which its clients are set up. The
            model must lead to the fast upstream, whose port ``--upstream-port`` fixes.

    Raises:
        BenchError: the text is of another form, or the URL is not on this machine.
    """

    def __init__(self, text: str) -> None:
        name, _, rest = text.partition("=")
        parts = rest.split(",")
        url = urlsplit(parts[0])
        if not name or len(parts) != 3 or not all(parts):
            raise BenchError(f"--peer {text}: give NAME=URL,KEY,MODEL")
        if url.scheme != "http" or url.hostname not in ("127.0.0.1", "localhost") or url.port is None:
            raise BenchError(f"--peer {text}: the URL must be http://127.0.0.1:PORT/...: load stays on this machine")
        self.name = name
        self._target = Target(url.port, {"Authorization": f"Bearer {parts[1]}"}, parts[2], url.path.rstrip("/"))

    def target(self, upstream: str = "fast", model: str = "gpt-4o") -> Target:
        return self._target
