"""Stands in for the CLI in the tests of ``router.testing.Gateway``: the same commands, and faults on demand."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        print(json.dumps({"event": "request"}), file=sys.stderr, flush=True)


def init(folder: Path) -> None:
    folder.joinpath("router.toml").write_text('[server]\nhost = "0.0.0.0"\n[providers.openai]\n', encoding="utf-8")
    print(json.dumps({"config": "x", "account": "acc", "api_key": "sk-1", "operator_secret": "op"}))


def serve(arguments: list[str]) -> None:
    config = tomllib.loads(Path(arguments[arguments.index("--config") + 1]).read_text(encoding="utf-8"))
    fault = config.get("fake", {}).get("fault")
    print("not JSON", file=sys.stderr, flush=True)
    if fault == "refuses":
        sys.exit("router.toml: line 3: no such key")
    if fault == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        Path("worker.pid").write_text(str(worker.pid), encoding="utf-8")
    else:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    HTTPServer(("127.0.0.1", int(arguments[arguments.index("--port") + 1])), Handler).serve_forever()


def main(arguments: list[str]) -> None:
    match arguments[0]:
        case "init":
            init(Path(arguments[arguments.index("--dir") + 1]))
        case "serve":
            serve(arguments)
        case "environment":
            print(json.dumps(dict(os.environ)))
        case "chatter":
            print("hello")
        case "refuse":
            print("no such thing", file=sys.stderr)
            sys.exit(2)


main(sys.argv[1:])
