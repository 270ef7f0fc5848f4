"""Unit, chart, manifests, compose and proxies' files: each is read by the program that it is for, or by its schema."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import kubernetes_validate
import pytest
import yaml
from certificates import make_pair
from container import ROOT, steps_of

from router.config.file import load_settings

DEPLOY = ROOT / "deploy"
KUBERNETES = "1.29"


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"there is no {program} here")


def run(*command: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


def manifests() -> ModuleType:
    spec = importlib.util.spec_from_file_location("manifests", ROOT / "scripts/manifests.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@needs("systemd-analyze")
def test_the_unit_is_right_and_shut_in(tmp_path: Path) -> None:
    text = (DEPLOY / "systemd/router.service").read_text(encoding="utf-8")
    assert "ExecStart=/opt/router/bin/router serve\n" in text
    unit = tmp_path / "router.service"
    unit.write_text(text.replace("/opt/router/bin/router", sys.executable), encoding="utf-8")
    verified = run("systemd-analyze", "verify", str(unit))
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
    looked = run("systemd-analyze", "security", "--offline=yes", str(unit))
    found = re.search(r"exposure level for router.service: ([\d.]+)", looked.stdout)
    assert found is not None and float(found[1]) < 2.0, looked.stdout


def documents(text: str) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(text) if one]


def check_manifests(found: list[dict[str, Any]]) -> None:
    for one in found:
        kubernetes_validate.validate(one, KUBERNETES, strict=True)
    (deployment,) = (one for one in found if one["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] and not pod["automountServiceAccountToken"]
    containers = [*pod["initContainers"], *pod["containers"]]
    assert [one["args"] for one in containers] == [["db", "migrate"], ["serve"]]
    for one in containers:
        inner = one["securityContext"]
        assert inner["readOnlyRootFilesystem"] and inner["capabilities"]["drop"] == ["ALL"]
    gateway = pod["containers"][0]
    assert gateway["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert gateway["livenessProbe"]["httpGet"]["path"] == "/healthz"
    ports = {port["name"]: port["containerPort"] for port in gateway["ports"]}
    for one in found:
        if one["kind"] == "Service":
            assert {port["targetPort"] for port in one["spec"]["ports"]} == ports.keys()


def test_the_plain_manifests_fit_kubernetes_schemas() -> None:
    found = documents((DEPLOY / "kubernetes/router.yaml").read_text(encoding="utf-8"))
    assert sorted(one["kind"] for one in found) == [
        *("ConfigMap", "Deployment", "Ingress", "PodDisruptionBudget", "Service"),
    ]
    check_manifests(found)


@needs("helm")
def test_the_chart_is_linted_and_the_manifests_are_of_it() -> None:
    scripts = manifests()
    linted = run("helm", "lint", "--strict", str(scripts.CHART))
    assert linted.returncode == 0, linted.stdout + linted.stderr
    assert (DEPLOY / "kubernetes/router.yaml").read_text().endswith(scripts.rendered(*scripts.VALUES))


@needs("helm")
@pytest.mark.parametrize(
    "values",
    [
        (),
        ("database.postgresql=false",),
        ("portal.enabled=false", "ingress.enabled=true"),
        ("trustedProxies={10.0.0.0/8}",),
    ],
)
def test_what_the_chart_makes_fits(values: tuple[str, ...]) -> None:
    found = documents(manifests().rendered(*values))
    check_manifests(found)
    kinds = [one["kind"] for one in found]
    assert ("PersistentVolumeClaim" in kinds) is ("database.postgresql=false" in values)


@needs("helm")
@pytest.mark.parametrize(
    ("values", "told"),
    [
        (("database.postgresql=false", "replicas=2"), "SQLite is one pod's alone"),
        (("replicas=0",), "replicas"),
        (("image.digest=latest",), "digest"),
        (("portal.publicUrl=http://a",), "publicUrl"),
    ],
)
def test_values_that_cannot_work_are_refused(values: tuple[str, ...], told: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        manifests().rendered(*values)
    assert told in refused.value.stderr


def test_the_charts_values_fit_their_schema() -> None:
    import jsonschema

    chart = DEPLOY / "helm/router"
    values = yaml.safe_load((chart / "values.yaml").read_text())
    schema = json.loads((chart / "values.schema.json").read_text())
    jsonschema.validate(values, schema)
    assert schema["properties"].keys() <= values.keys()
    version = re.search(r'version="([^"]+)"', (ROOT / "setup.py").read_text())
    assert version is not None and yaml.safe_load((chart / "Chart.yaml").read_text())["appVersion"] == version[1]


def environments() -> dict[str, dict[str, str]]:
    """The gateway's variables: compose's, and the manifests'."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    pod = next(one for one in documents((DEPLOY / "kubernetes/router.yaml").read_text()) if one["kind"] == "Deployment")
    named = pod["spec"]["template"]["spec"]["containers"][0]["env"]
    image = dict(
        word.split("=", 1)
        for step in steps_of((DEPLOY / "Containerfile").read_text())
        if step.name == "ENV"
        for word in step.text.split()
    )
    return {
        "compose": image | compose["services"]["gateway"]["environment"],
        "kubernetes": image | {one["name"]: one["value"] for one in named},
    }


@pytest.mark.parametrize("name", ["compose", "kubernetes"])
def test_the_variables_configure_a_gateway(name: str, tmp_path: Path) -> None:
    given = {key: re.sub(r"\$\{\w+:\?[^}]*\}", "example.com", value) for key, value in environments()[name].items()}
    given |= {"METRICS_TOKEN": "a-token-of-24-characters-at-least", "DATABASE_URL": "postgresql://router@db/router"}
    config = tmp_path / "router.toml"
    config.write_text("", encoding="utf-8")
    settings = load_settings(config, given)
    assert settings.server.host == "0.0.0.0"
    assert settings.database.url.reveal() == "postgresql://router@db/router"
    assert settings.portal.listen == "0.0.0.0:8081" and settings.portal.public_url.startswith("https://")


def test_compose_has_no_default_password_and_every_file_that_it_mounts() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    compose = yaml.safe_load(text)
    for name, message in re.findall(r"\$\{(\w+)(.*?)\}", text):
        if name != "ROUTER_IMAGE":
            assert message == ":?set it in compose.env", name
            assert f"\n{name}=\n" in f"\n{(DEPLOY / 'compose.env.example').read_text()}", name
    for service in compose["services"].values():
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            made_by_the_operator = source in compose["volumes"] or source == "./tls"
            assert made_by_the_operator or (DEPLOY / source).is_file(), source
        assert {*service["networks"]} <= compose["networks"].keys()
        assert re.fullmatch(r".*:[^:]+", service["image"])
    published = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert published == ["80:80", "443:443", "127.0.0.1:3000:3000"]
    gateway = compose["services"]["gateway"]
    assert gateway["read_only"] and gateway["cap_drop"] == ["ALL"]
    assert (
        compose["networks"]["edge"]["ipam"]["config"][0]["subnet"]
        == (gateway["environment"]["ROUTER__SERVER__TRUSTED_PROXIES"])
    )


@needs("caddy")
def test_caddy_understands_its_file() -> None:
    adapted = run("caddy", "adapt", "--adapter", "caddyfile", "--config", str(DEPLOY / "caddy/Caddyfile"))
    assert adapted.returncode == 0, adapted.stderr
    assert "not formatted" not in adapted.stderr
    hosts = re.findall(r'"host":\["([^"]+)"\]', adapted.stdout)
    assert sorted(hosts) == ["api.example.com", "portal.example.com"]


@needs("nginx")
@pytest.mark.parametrize("upstreams", ["nginx/upstreams.conf", "compose/upstreams.conf"])
def test_nginx_understands_its_files(upstreams: str, tmp_path: Path) -> None:
    cert, key = make_pair(tmp_path)
    text = (DEPLOY / upstreams).read_text() + (DEPLOY / "nginx/router.conf").read_text()
    text = text.replace("/etc/nginx/tls/fullchain.pem", str(cert)).replace("/etc/nginx/tls/privkey.pem", str(key))
    text = text.replace("server gateway:", "server 127.0.0.1:").replace("/var/log/nginx", str(tmp_path))
    text = text.replace("listen 443", "listen 18443").replace("listen 80;", "listen 18080;")
    whole = f"pid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n{text}\n}}\n"
    (tmp_path / "nginx.conf").write_text(whole)
    tested = run("nginx", "-t", "-q", "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path))
    assert tested.returncode == 0, tested.stderr
