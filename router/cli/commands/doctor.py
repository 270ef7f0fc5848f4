"""``router doctor``: one look at the whole set-up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime

import click

from router.app.exchange_rate import rate_warning
from router.app.lacks import lacks, unreachable
from router.catalogue.snapshot import Snapshot
from router.cli.support import doctor_checks as checks
from router.cli.support.config_check import check_settings, dead_aliases
from router.cli.support.doctor_checks import Finding
from router.cli.support.output import table
from router.cli.support.portal_checks import check_mail_server, check_portal, check_portal_secrets
from router.cli.support.session import CommandSession, common
from router.cli.support.tls_checks import check_tls
from router.config.portal import portal_scheme
from router.errors import RouterError
from router.office.alerts import current_alerts
from router.office.operations.care import GatewayNode, living_nodes, node_faults, served_providers
from router.providers.configured import ConfiguredProvider

__all__ = ["doctor"]

_PIPED = 80  # its cells are sentences, which are for people wherever they go; programs take --json


@click.command()
@click.option("--ollama", default="http://127.0.0.1:11434", show_default=True, help="Where a local Ollama may be.")
@common
def doctor(session: CommandSession, ollama: str) -> int:
    """Check configuration, database, plugins, providers, portal, mail, payments, ports and files; say what to do.

    Where a gateway runs, what it has is asked of it, and not of this shell's environment, such as providers' keys; what
    it has met (`router alerts list`) is told as well.

    A plugin that no section uses and that has no key is a hint; a section that serves nothing, an upstream that takes
    no connection and a model without a price are warnings. Exit status 1 if there is a problem.
    """
    findings = list(_findings(session, ollama))
    rows = [asdict(finding) for finding in findings]
    problems = sum(finding.state == "problem" for finding in findings)
    columns = {"state": "STATE", "check": "CHECK", "detail": "FOUND", "remedy": "WHAT TO DO"}
    summary = f"{problems} problem(s)." if problems else "No problem."
    session.show({"ok": not problems, "findings": rows}, f"{table(rows, columns, empty='', piped=_PIPED)}\n\n{summary}")
    return 1 if problems else 0


def _findings(session: CommandSession, ollama: str) -> Iterator[Finding]:
    yield from checks.check_machine()
    providers: dict[str, ConfiguredProvider] = {}
    try:
        settings, registry = session.settings, session.registry
    except RouterError as error:
        yield Finding("configuration", "problem", error.in_full, "correct it; `router config check` tells again")
        return
    try:
        providers = _as_running(session, check_settings(settings, registry, session.stored_keys))
        yield Finding("configuration", "ok", f"{settings.path} is right")
    except RouterError as error:
        yield Finding("configuration", "problem", error.in_full, "correct it; `router config check` tells again")
    yield from _database(session)
    yield from checks.check_providers(providers, settings.providers)
    yield from _lacks(session, providers)
    yield from _aliases(session)
    yield from _prices(session)
    yield from checks.check_plugins(registry)  # by now all that is asked at a start was asked
    yield from checks.check_secrets(settings, providers)
    scheme = "https" if settings.server.tls_cert else "http"
    yield from checks.check_port(settings.server.host, settings.server.port, scheme=scheme)
    yield from check_tls(settings, datetime.now(UTC))
    yield from checks.check_measuring(settings, runs=bool(_living(session)))
    yield from _portal(session)
    yield from _payments(session)
    yield from checks.check_ollama(providers, ollama)


def _as_running(session: CommandSession, providers: dict[str, ConfiguredProvider]) -> dict[str, ConfiguredProvider]:
    """As the running gateway has them, whose environment is not this shell's; where none runs, as they are here."""
    try:
        running = served_providers(session.office)
    except RouterError:
        running = None  # told by the other checks
    return {
        name: replace(one, problem="") if running and name in running and one.lacks_secret else one
        for name, one in providers.items()
    }


def _portal(session: CommandSession) -> Iterator[Finding]:
    """What hinders people from finding the portal, reading its mails and logging in."""
    settings = session.settings
    portal = settings.portal
    if not portal.enabled:
        return
    try:
        yield from check_portal(settings, session.dialect)
    except RouterError:
        return  # told by the other checks
    yield from check_portal_secrets(settings, sealed=any(node.seals for node in _living(session)))
    session.progress("asking the mail server for a connection")
    yield from check_mail_server(settings.mail)
    if portal.workers and portal.port:
        scheme = portal_scheme(portal, settings.server)
        yield from checks.check_port(portal.host, portal.port, "portal", "[portal] listen", scheme=scheme)


def _payments(session: CommandSession) -> Iterator[Finding]:
    """Whether customers can pay by the methods that are on. `router payments check` asks each; this asks none."""
    try:
        states = session.assembly.payments.states()
    except RouterError:
        return  # told by the other checks
    for state in states:
        if state.offer is None:
            detail = f"nobody can pay by {state.name}: {state.problem or 'it offers nothing'}"
            remedy = f"correct that, or take {state.name} out of [payments] methods"
            yield Finding("payments", "warning", detail, remedy)
        else:
            test = " (test: no real money)" if state.offer.test else ""
            yield Finding("payments", "ok", f"customers can pay by {state.name}{test}")


def _lacks(session: CommandSession, providers: dict[str, ConfiguredProvider]) -> Iterator[Finding]:
    """What is missing for calls to be served, upstreams that take no connection among it."""
    snapshot: Snapshot | None
    try:
        snapshot = session.assembly.catalogue.snapshot()
    except RouterError:
        snapshot = None  # told by the other checks
    session.progress("asking the providers' hosts for a connection")
    for lack in (*lacks(session.settings, providers, snapshot), *unreachable(providers.values())):
        yield Finding("models" if lack.code == "model_not_priced" else "providers", "warning", lack.detail, lack.remedy)


def _aliases(session: CommandSession) -> Iterator[Finding]:
    try:
        messages = list(dead_aliases(session.assembly))
    except RouterError:
        return  # told by the other checks
    for message in messages:
        yield Finding("aliases", "warning", message, "correct its target, or remove it")


def _prices(session: CommandSession) -> Iterator[Finding]:
    try:
        message = rate_warning(session.assembly.catalogue.snapshot())
    except RouterError:
        return  # told by the other checks
    if message is not None:
        detail, _, remedy = message.rpartition(": ")
        yield Finding("prices", "warning", detail, remedy)


def _alerts(session: CommandSession) -> Iterator[Finding]:
    """What the running gateway has met."""
    try:
        found = current_alerts(session.office)
    except RouterError:
        return  # told by the other checks
    for one in found:
        yield Finding("alerts", "warning", one.detail, one.remedy)


def _nodes(session: CommandSession) -> Iterator[Finding]:
    """Whether the machines that share the database agree on the time and on the version."""
    for fault in node_faults(_living(session)):
        yield Finding("nodes", "warning", fault, "`router nodes list` shows them")


def _living(session: CommandSession) -> list[GatewayNode]:
    """The machines that serve; none where the database does not tell, which is another check's."""
    try:
        return living_nodes(session.office)
    except RouterError:
        return []


def _database(session: CommandSession) -> Iterator[Finding]:
    try:
        database = session.database
    except RouterError as error:
        yield Finding("database", "problem", error.in_full, "correct [database] url")
        return
    yield from checks.check_database(database, session.registry)
    yield from _nodes(session)
    yield from _alerts(session)
    yield from checks.check_files(session.settings, database)
