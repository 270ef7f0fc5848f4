"""What third parties ship: wheels that pip installs beside the gateway, serves with, and takes away again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import openai
import pytest
from wheelhouse import ROOT, Environment, build_wheels

from router.cli.support.scaffolding import write
from router.testing import Answer, Gateway, GatewayFailed, ScriptedUpstream, completion

pytestmark = pytest.mark.slow

EXAMPLE = ROOT / "examples/router-acme"
ELSEWHERE = {"PYTHONPATH": ""}  # not the source tree's packages
MESSAGES = [{"role": "user", "content": "Hi"}]


@dataclass(frozen=True)
class House:
    """An environment with the gateway alone, and the wheels beside it: module -> wheel."""

    environment: Environment
    wheels: dict[str, Path]
    sources: dict[str, Path]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    folder = tmp_path_factory.mktemp("house")
    sources = {"router_acme": EXAMPLE}
    for name, kind in (("dear", "billing"), ("slow", "rate-limit"), ("odd", "dialect"), ("till", "payment")):
        write(name, kind, folder / name)
        sources[f"router_{name}"] = folder / name
    wheels = build_wheels(folder, *sources.values())
    environment = Environment(folder)
    environment.install(wheels["tollrouter"])
    return House(environment, wheels, sources)


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as scripted:
        yield scripted


def test_a_provider(house: House, tmp_path: Path, upstream: ScriptedUpstream) -> None:
    house.environment.install(house.wheels["router_acme"])
    sections = {"acme": {"base_url": upstream.url, "api_key": "acme-key"}}
    command = house.environment.command
    with Gateway(tmp_path, providers=sections, command=command, env=ELSEWHERE) as gateway:
        listed = house.environment.plugins(tmp_path)
        assert (listed["acme"]["distribution"], listed["acme"]["state"]) == ("router-acme", "loaded")
        upstream.script(Answer(completion("Hello")))
        reply = gateway.client().chat.completions.create(model="acme/large", messages=MESSAGES)
        assert (reply.choices[0].message.content, reply.model) == ("Hello", "acme/large")
        assert upstream.last.headers["authorization"] == "Bearer acme-key"
        gateway.stop()
        house.environment.uninstall("router-acme")
        with pytest.raises(GatewayFailed, match="acme"):  # its section has no plugin any more
            gateway.start()
    assert "acme" not in house.environment.plugins(tmp_path)


def test_policies(house: House, tmp_path: Path, upstream: ScriptedUpstream) -> None:
    house.environment.install(house.wheels["router_dear"], house.wheels["router_slow"])
    config = {
        "gateway": {"billing": "dear", "rate_limit": "slow"},
        "plugins": {"dear": {"percent": 300}, "slow": {"calls_per_hour": 1}},
    }
    command = house.environment.command
    with Gateway(tmp_path, upstream=upstream.url, config=config, command=command, env=ELSEWHERE) as gateway:
        upstream.script(Answer(completion("Hello")))
        client = gateway.client()
        client.chat.completions.create(model="openai/gpt-4o", messages=MESSAGES)
        with pytest.raises(openai.RateLimitError, match="1 calls an hour"):
            client.chat.completions.create(model="openai/gpt-4o", messages=MESSAGES)
        (row,) = gateway.router("usage", "show")
        assert row["charge"] == "0.0004275"  # three times what 9 tokens at 2.50 and 12 at 10 per million cost
        gateway.stop()
        house.environment.uninstall("router-dear", "router-slow")
        with pytest.raises(GatewayFailed, match="dear"):
            gateway.start()


@pytest.mark.parametrize("module", ["router_acme", "router_dear", "router_slow", "router_odd", "router_till"])
def test_what_the_scaffold_wrote_passes_its_own_tests(house: House, module: str) -> None:
    without_rules = ("-o", "addopts=") if module == "router_acme" else ()  # test_author_tutorial.py runs a provider's
    house.environment.install(house.wheels[module])
    try:
        said = house.environment.pytest(house.sources[module], *without_rules)
    finally:
        house.environment.uninstall(module)
    assert " passed" in said and (without_rules or "router-plugin-" in said)
