"""The code in the documentation is code: it is taken from the pages, installed, and run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from driver import Driver, usage_in, values_of

from router import Usage
from router.testing import Answer, Gateway, ScriptedUpstream, completion

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a page in one language, in order."""
    text = ROOT.joinpath(page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def install(site: Path, code: str, declaration: str) -> None:
    """Put a tutorial's module and the entry points of its ``pyproject.toml`` where an installer would."""
    site.joinpath("router_acme.py").write_text(code, encoding="utf-8")
    [(name, target)] = tomllib.loads(declaration)["project"]["entry-points"]["router"].items()
    metadata = site / "router_acme-0.1.0.dist-info"
    metadata.mkdir(parents=True)
    metadata.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: router-acme\nVersion: 0.1.0\n")
    metadata.joinpath("entry_points.txt").write_text(f"[router]\n{name} = {target}\n")


def test_the_tutorials_provider_passes_the_tutorials_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    examples = blocks("docs/plugins.md", "python")
    provider = next(text for text in examples if "\nplugin = " in text)
    test = next(text for text in examples if "def test_" in text)
    declaration, _ = blocks("docs/plugins.md", "toml")
    install(tmp_path, provider, declaration)
    tmp_path.joinpath("test_acme.py").write_text(test, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "test_acme.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_tutorials_provider_streams(upstream: ScriptedUpstream) -> None:
    namespace: dict[str, object] = {"__name__": "router_acme"}
    exec(blocks("docs/plugins.md", "python")[0], namespace)
    upstream.on("/v1/generate", Answer({"text": "Hello", "in": 3, "out": 1}))
    acme = Driver(namespace["plugin"], {"base_url": upstream.url})
    body = {"messages": [{"role": "user", "content": "Hi"}], "stream": True}
    try:
        assert values_of(acme.chat(body))[0]["choices"][0]["delta"]["content"] == "Hello"
        assert usage_in(acme.chat(body)) == Usage(3, 1)
    finally:
        acme.transport.close()


def test_the_readmes_provider_serves(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    code = next(block for block in blocks("README.md", "python") if "hookimpl" in block)
    declaration = next(block for block in blocks("README.md", "toml") if "entry-points" in block)
    site = tmp_path / "site"
    site.mkdir()
    install(site, code, declaration)
    environment = {"PYTHONPATH": os.pathsep.join([str(site), str(ROOT)]), "ACME_API_KEY": "acme-key"}
    upstream.script(Answer(completion("Hello")))
    with Gateway(tmp_path, providers={"acme": {"base_url": upstream.url}}, env=environment) as gateway:
        reply = gateway.client().chat.completions.create(
            model="acme/large", messages=[{"role": "user", "content": "Hi"}], max_completion_tokens=5
        )
    assert reply.choices[0].message.content == "Hello"
    assert upstream.last.headers["authorization"] == "Bearer acme-key"
    assert upstream.last.json()["max_tokens"] == 5


def test_the_readmes_configuration_is_a_configuration(tmp_path: Path) -> None:
    section = next(block for block in blocks("README.md", "toml") if "[providers.acme]" in block)
    with Gateway(tmp_path, config=section, env={"ACME_API_KEY": "k"}, start=False) as gateway:
        assert {one["name"]: one for one in gateway.router("providers", "list")}["acme"]
