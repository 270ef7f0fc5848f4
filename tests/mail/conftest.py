"""An office on a database of either engine, whose clock the test moves; mail servers in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from mail_kit import MailServer, MakeOffice, MovedClock, StartServer

from router.app.start import assemble
from router.config.file import load_settings
from router.office.office import Office
from router.store.migrating import migrate
from router.store.opening import open_database


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def make_office(database_url: str, tmp_path: Path, clock: MovedClock) -> Iterator[MakeOffice]:
    """``make_office(more)``: another node's office on the same database; ``more`` is added to the configuration."""
    with ExitStack() as stack:

        def make(more: str = "") -> Office:
            config = tmp_path / "router.toml"
            config.write_text(f'[database]\nurl = "{database_url}"\n[providers.echo]\n{more}', encoding="utf-8")
            load_settings(config, {})
            database = open_database(database_url, tmp_path, create=True)
            migrate(database)
            database.close()
            assembly = assemble(config, {"ROUTER_MASTER_KEY": "m" * 44})
            stack.callback(assembly.close)
            assembly.office.clock = clock
            return assembly.office

        yield make


@pytest.fixture
def office(make_office: MakeOffice) -> Office:
    return make_office('[portal]\nname = "Ours"\npublic_url = "https://portal.example.com"\n')


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of ``localhost`` that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(secret)
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def start_server(tmp_path: Path, certificate: tuple[Path, Path]) -> Iterator[StartServer]:
    """``start_server(mode, tls=False)``: a mail server that runs until the test is over."""
    started: list[subprocess.Popen[str]] = []

    def start(mode: str = "takes", *, tls: bool = False) -> MailServer:
        folder = tmp_path / f"mails-{len(started)}"
        folder.mkdir()
        files = [str(path) for path in certificate] if tls else []
        program = str(Path(__file__).with_name("smtp_double.py"))
        process = subprocess.Popen(
            [sys.executable, program, str(folder), mode, *files], stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout is not None
        return MailServer(int(process.stdout.readline()), folder, certificate[0] if tls else None)

    yield start
    for process in started:
        process.kill()
        process.communicate()
