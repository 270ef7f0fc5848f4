"""The line that calls travel, put together."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from router.app.exchange_rate import rate_warning
from router.app.ledger_parts import LedgerParts
from router.app.plugin_parts import PluginParts
from router.calls.admission import Admission, AdmissionLimits
from router.calls.auth import Authenticator, PluginAuthenticator
from router.calls.call_log import CallLog
from router.calls.idempotency import Idempotency
from router.calls.line import CallPipeline
from router.calls.observers import MeasuredRecorder, Recorder
from router.charging.limit_rules import KeyFinder, rules_text
from router.db.access_version import read_endings
from router.ledger.paid.lots import keep_spend_first
from router.ledger.rules import keep_rules
from router.metrics.call_meter import CallMeter
from router.metrics.worker_metrics import Reading
from router.providers.shared_circuits import SharedCircuits
from router.store.sealing import MASTER_KEY
from router.surfaces.proofs import ProofSealer

__all__ = ["LineParts"]

_log = logging.getLogger("router.app")


class LineParts(LedgerParts, PluginParts):
    """The line, and who is told of what became of calls."""

    @cached_property
    def log(self) -> CallLog:
        """Where the calls' log lines go."""
        return CallLog()

    @cached_property
    def recorder(self) -> Recorder:
        """Who is told of what became of requests."""
        addresses, metrics = self.settings.server.log_client_address, self.metrics
        if metrics is None:
            return Recorder(self.log, self.registry, addresses=addresses, observes=self._observes)
        metrics.samplers += [self.endpoint_states, self._under_way]
        measured = metrics, CallMeter(metrics.sheet, self._is_known)
        return MeasuredRecorder(self.log, self.registry, *measured, addresses=addresses, observes=self._observes)

    def _observes(self, plugin: str) -> bool:
        """Whether a plugin, as it is set up, wants to be told of calls."""
        return self.registry.ask(plugin, "observes", bool, context=self.contexts.of(plugin)) is not False

    def _is_known(self, model: str) -> bool:
        """Whether a model, or an alias, stands in the catalogue."""
        snapshot = self.catalogue.snapshot()
        return model in snapshot.entries or model in snapshot.aliases

    def _under_way(self) -> Iterator[Reading]:
        yield "calls_under_way", (), self.gateway.busy() if self.made("gateway") else 0
        yield "journal_backlog", (), self.journal.backlog
        yield "journal_oldest_seconds", (), int(self.journal.oldest_s * 1000)
        yield "journal_lost", (), self.journal.lost

    @cached_property
    def shared_circuits(self) -> SharedCircuits:
        """What workers tell each other of providers that rest."""
        endpoints = [provider.endpoints for provider in self.providers.values()]
        worker = self.jobs.worker
        return SharedCircuits(self.database, endpoints, worker=worker.id, host=worker.host, clock=self.database_clock)

    @cached_property
    def gateway(self) -> CallPipeline:
        """The line itself."""
        settings = self.settings.gateway
        warning = rate_warning(self.catalogue.snapshot())
        if warning is not None:
            _log.warning("%s", warning)
        keep_rules(self.database, rules_text(self.settings))
        keep_spend_first(self.database, self.settings.payments.spend_first)
        self.jobs.start()
        self.shared_circuits.start()
        finder = KeyFinder(self.database, self.limits)
        admission = Admission(self.journal, self.policies, self._admission_limits(), owner=self.jobs.worker.id)
        return CallPipeline(
            settings,
            self.dialect,
            self._authenticator(finder),
            self.lister,
            self.resolver,
            self.quoter,
            admission,
            self.recorder,
            self._idempotency(),
            available=self.available if self.bills else None,
            endings=lambda version: self.database.read(
                lambda connection: read_endings(connection, version), whole=False
            ),
            plugins=self.line_plugins,
            caches=self.answer_caches,
            proofs=ProofSealer(self.settings.secret(f"env:{MASTER_KEY}")),
        )

    def _authenticator(self, finder: KeyFinder) -> Authenticator:
        options: dict[str, Any] = {"version": finder.version, "unchecked": finder.unchecked}
        if self.line_plugins.authenticates:
            return PluginAuthenticator(finder, self.line_plugins.authenticated, finder.hash_of, **options)
        return Authenticator(finder, **options)

    def _idempotency(self) -> Idempotency:
        return Idempotency(
            self.database,
            self.journal,
            owner=self.jobs.worker.id,
            max_bytes=self.settings.billing.store_answer_bytes,
            account_bytes=self.settings.billing.store_account_bytes,
            keeps_free=not self.bills,
            end_dead_calls=self.end_dead_calls,
            clock=self.database_clock,
        )

    def _admission_limits(self) -> AdmissionLimits:
        settings = self.settings.gateway
        return AdmissionLimits(
            currency=settings.currency,
            timezone=self.limits.timezone,
            budgets=self.bills,
            min_output_tokens=self.settings.billing.min_output_tokens,
            max_call_s=settings.max_call_s,
            drain_s=settings.drain_s,
        )

    def close(self) -> None:
        if self.made("shared_circuits"):
            self.shared_circuits.close()
        super().close()
        if self.made("log"):
            self.log.flush()
