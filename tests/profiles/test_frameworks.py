"""Frameworks and clients that people use in place of OpenAI's SDK: each chats, streams and embeds by base URL and key.

The Python ones exclude each other and have environments of their own: ``client_caches`` says how they come to be.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from client_caches import framework_python, node_folder
from example_texts import NODE_PACKAGES as CLIENTS
from example_texts import clean_environment, run_program
from profile_shop import Shop

from router.testing import Gateway, ScriptedUpstream, vector

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1000)]  # an environment may have to be built first
MODELS = ("openai/gpt-4o", "openai/text-embedding-3-small")
LLM_MODELS = """\
- model_id: ours
  model_name: openai/gpt-4o
  api_base: {base_url}
  api_key_name: ours
"""


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def standard(tmp_path_factory: pytest.TempPathFactory, upstream: ScriptedUpstream) -> Iterator[Gateway]:
    """The default profile, with billing and the starting credit."""
    with Gateway(tmp_path_factory.mktemp("standard"), upstream=upstream.url) as gateway:
        yield gateway


def play(command: Sequence[str], base_url: str, api_key: str, folder: Path, working: Path | None = None) -> Any:
    """What a client's program prints, and that it got what every one of them asks for."""
    arguments = [*command, base_url, api_key, *MODELS]
    told = json.loads(run_program(arguments, working or folder, clean_environment(folder, {})))
    assert told["vectors"] == [pytest.approx(vector(text), rel=1e-6) for text in ("one", "two words", "three")]
    assert told["model"] == MODELS[0]
    return told


def requirements(name: str) -> Path:
    return CLIENTS / f"{name}.txt"


@pytest.mark.row("NE-11")
@pytest.mark.parametrize(
    ("name", "said", "nonce"), [("langchain", "Hello there, chain", "lc"), ("llamaindex", "Hello there, index", "li")]
)
def test_python_frameworks(neurongate: Shop, tmp_path: Path, name: str, said: str, nonce: str) -> None:
    python = framework_python(requirements(name))
    command = [str(python), str(CLIENTS / f"{name}_client.py")]
    told = play(command, neurongate.gateway.base_url, neurongate.key().text, tmp_path)
    assert (told["content"], told["usage"]) == (said, [3, 3])
    assert told["pieces"] == [f"{nonce}.{number} " for number in range(5)]


@pytest.mark.row("NE-11")
def test_vercel_ai_sdk(neurongate: Shop, tmp_path: Path) -> None:
    command = ["node", str(CLIENTS / "vercel_client.mjs")]
    packages = node_folder(CLIENTS)
    told = play(command, neurongate.gateway.base_url, neurongate.key().text, tmp_path, packages)
    assert (told["content"], told["usage"]) == ("Hello there, Vercel", [3, 3])
    assert (told["pieces"], told["streamed_tokens"]) == ([f"ai.{number} " for number in range(5)], 5)


@pytest.mark.row("ST-1")
def test_litellm(standard: Gateway, tmp_path: Path) -> None:
    python = framework_python(requirements("litellm"))
    command = [str(python), str(CLIENTS / "litellm_client.py")]
    told = play(command, standard.base_url, standard.api_key, tmp_path)
    assert (told["content"], told["usage"]) == ("Hello there, lite", [3, 3])
    assert told["pieces"] == [f"ll.{number} " for number in range(5)]


@pytest.mark.row("ST-1")
@pytest.mark.parametrize("mode", ["plain", "stream"])
def test_llm(standard: Gateway, upstream: ScriptedUpstream, tmp_path: Path, mode: str) -> None:
    python = framework_python(requirements("llm"))
    tmp_path.joinpath("extra-openai-models.yaml").write_text(LLM_MODELS.format(base_url=standard.base_url))
    environment = clean_environment(tmp_path, {"LLM_USER_PATH": str(tmp_path)})
    command = [str(python), "-m", "llm", "-m", "ours", "--key", standard.api_key, "nonce=llm chunks=4"]
    printed = run_program(command if mode == "stream" else [*command, "--no-stream"], tmp_path, environment)
    assert printed.split() == [f"llm.{number}" for number in range(4)]
    assert bool(upstream.last.json().get("stream")) is (mode == "stream")
