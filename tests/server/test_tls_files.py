"""What is said of a certificate and a key that cannot be used, and how soon `router doctor` warns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from certificates import make_pair

from router.cli.support.tls_checks import check_certificates, check_tls
from router.config.file import load_settings
from router.config.tls import TlsFiles, gateway_tls, local_trust, local_url, portal_tls
from router.errors import ConfigError
from router.server.tls import certificate_of, server_context

pytestmark = pytest.mark.slow

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def _mixed(folder: Path) -> TlsFiles:
    return TlsFiles(make_pair(folder, "one", now=NOW)[0], make_pair(folder, "two", now=NOW)[1], "HERE")


def _broken(folder: Path, name: str, text: bytes) -> TlsFiles:
    cert, key = make_pair(folder, now=NOW)
    (cert if name == "cert" else key).write_bytes(text)
    return TlsFiles(cert, key, "HERE")


def _twice(cert: Path) -> TlsFiles:
    return TlsFiles(cert, cert, "HERE")


def _of(folder: Path, **options: object) -> TlsFiles:
    return TlsFiles(*make_pair(folder, now=NOW, **options), "HERE")  # type: ignore[arg-type]


BAD: dict[str, tuple[Callable[[Path], TlsFiles], str, str]] = {
    "pair": (_mixed, "the key does not fit", "its own certificate|own certificate stands first"),
    "expired": (lambda folder: _of(folder, days=(-90, -0.001)), "expired on 2026-04-30", "renew it"),
    "future": (lambda folder: _of(folder, days=(1, 90)), "begins on 2026-05-02", "clock"),
    "locked": (lambda folder: _of(folder, password=b"word"), "locked with a password", "openssl pkey"),
    "no certificate": (lambda folder: _broken(folder, "cert", b"rubbish"), "is no certificate", "PEM"),
    "empty": (lambda folder: _broken(folder, "cert", b""), "is no certificate", "PEM"),
    "no key": (lambda folder: _broken(folder, "key", b"rubbish"), "server.key holds no key", "PEM"),
    "certificate for a key": (lambda folder: _twice(_of(folder).cert), "holds no key", "PRIVATE KEY"),
    "missing": (lambda folder: TlsFiles(folder / "a", folder / "b", "HERE"), "a cannot be read", "correct the path"),
    "key missing": (lambda folder: TlsFiles(_of(folder).cert, folder / "b", "HERE"), "b cannot be read", "correct"),
    "folder": (lambda folder: TlsFiles(folder, folder, "HERE"), "cannot be read", "let the gateway's user"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_is_told_with_its_remedy(name: str, tmp_path: Path) -> None:
    make, said, remedy = BAD[name]
    files = make(tmp_path)
    with pytest.raises(ConfigError, match=rf"^HERE: .*{said}.*") as found:
        server_context(files, NOW)
    assert any(part in found.value.message for part in remedy.split("|"))


def test_commands_trust_the_servers_own_certificate_and_not_who_signed_it(tmp_path: Path) -> None:
    own, _ = make_pair(tmp_path, now=NOW)
    authority, _ = make_pair(tmp_path, "authority", now=NOW)
    own.write_bytes(b"# \xc3\xa9\n" + own.read_bytes() + authority.read_bytes())
    settings = load_settings(_configured(tmp_path, '[server]\ntls_cert = "server.crt"\ntls_key = "server.key"\n'), {})
    trust = local_trust(settings)
    assert trust is not None
    assert [dict(part[0] for part in one["subject"]) for one in trust.get_ca_certs()] == [{"commonName": "server"}]
    own.write_bytes(b"rubbish")
    assert local_trust(settings) is None


def test_one_file_may_hold_both(tmp_path: Path) -> None:
    cert, key = make_pair(tmp_path, now=NOW)
    both = tmp_path / "both.pem"
    both.write_bytes(cert.read_bytes() + key.read_bytes())
    server_context(TlsFiles(both, both, "HERE"), NOW)


def test_a_worker_that_replaces_another_takes_an_expired_one(tmp_path: Path) -> None:
    files = _of(tmp_path, days=(-90, -1))
    server_context(files)
    assert certificate_of(files).left(NOW) == timedelta(days=-1)


def _configured(folder: Path, text: str) -> Path:
    path = folder / "router.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_begin_at_the_configuration_and_the_portal_has_the_gateways(tmp_path: Path) -> None:
    settings = load_settings(_configured(tmp_path, '[server]\ntls_cert = "tls/a.crt"\ntls_key = "/x/a.key"\n'), {})
    files = gateway_tls(settings)
    assert files == portal_tls(settings)
    assert files is not None and (files.cert, files.key) == (tmp_path / "tls/a.crt", Path("/x/a.key"))
    assert "line 2: [server] tls_cert" in files.where
    assert local_url(settings) == "https://127.0.0.1:8080"
    settings = load_settings(_configured(tmp_path, '[portal]\ntls_cert = "b.pem"\n'), {})
    own = portal_tls(settings)
    assert gateway_tls(settings) is None and own is not None and own.cert == own.key == tmp_path / "b.pem"
    assert local_url(settings) == "http://127.0.0.1:8080"


@pytest.mark.parametrize("section", ["server", "portal"])
def test_a_key_alone_is_refused(section: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="tls_key is set, and tls_cert is not"):
        load_settings(_configured(tmp_path, f'[{section}]\ntls_key = "a"\n'), {})


@pytest.mark.parametrize(
    ("life", "left", "state"),
    [
        *((90, 60, "ok"), (90, 29.5, "warning"), (90, 13.5, "problem"), (90, -1, "problem")),
        *((6, 3, "ok"), (6, 1.5, "warning"), (6, 0.5, "problem")),
    ],
)
def test_the_doctor_warns_in_time(life: float, left: float, state: str, tmp_path: Path) -> None:
    make_pair(tmp_path, now=NOW, days=(left - life, left))
    settings = load_settings(
        _configured(tmp_path, '[server]\ntls_cert = "server.crt"\ntls_key = "server.key"\n[portal]\nenabled = true\n'),
        {},
    )
    (found,) = check_tls(settings, NOW)
    assert found.state == state and "server.crt" in found.detail
    assert (found.remedy == "") is (state == "ok")
    if left < 0:
        with pytest.raises(ConfigError, match="expired on"):
            check_certificates(settings, NOW)
    else:
        check_certificates(settings, NOW)


def test_the_doctor_names_a_key_that_others_read_and_a_certificate_for_nobody(tmp_path: Path) -> None:
    make_pair(tmp_path, now=NOW, hosts=())
    (tmp_path / "server.key").chmod(0o644)
    config = _configured(tmp_path, '[server]\ntls_cert = "server.crt"\ntls_key = "server.key"\n')
    said = " ".join(f"{one.detail} {one.remedy}" for one in check_tls(load_settings(config, {}), NOW))
    assert "names no host" in said and "chmod 640" in said
