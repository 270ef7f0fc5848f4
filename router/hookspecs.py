"""Every hook, one class per role. A plugin implements those it needs, each marked with ``router.hookimpl``.

An implementation may take fewer arguments than its spec names (so a new argument breaks nobody), but no default values,
and it may not be a wrapper. The host calls a hook of one named plugin (*addressed*); only lifecycle hooks go to all
(*broadcast*), each call guarded, so that a failing observer is logged and the others still run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import pluggy

from router.errors import UpstreamError
from router.types.claims import Claim, Meters, Outcome, PolicyContext, Quote
from router.types.dialect import Dialect
from router.types.records import (
    CallContext,
    CallRecord,
    ChatCall,
    EmbeddingsCall,
    Key,
    Migration,
    ModelCard,
    Reply,
    StartupContext,
)
from router.types.request_rules import RequestRules

if TYPE_CHECKING:
    import click

    from router.upstream.compiled import CallWire

__all__ = [
    "HOOKS_VERSION",
    "ROLES",
    "BillingSpecs",
    "CommonSpecs",
    "DialectSpecs",
    "LifecycleSpecs",
    "ProviderSpecs",
    "RateLimitSpecs",
    "StorageSpecs",
]

HOOKS_VERSION = "0.2"
"""The newest ``Since:`` below. A plugin that needs newer ones says so: ``requires_hooks = "0.2"`` beside its hooks."""

hookspec = pluggy.HookspecMarker("router")


class CommonSpecs:
    """For a plugin of any role."""

    @hookspec
    def settings(self) -> type:  # type: ignore[empty-body]
        """The record (a frozen dataclass) that declares the plugin's own settings.

        The host checks the plugin's section of ``router.toml`` against it and hands over only that section. A provider
        returns ``router.ProviderSettings`` or a subclass (the default without this hook); any other plugin returns
        any dataclass, read from ``[plugins.NAME]``.

        Called: addressed, once at start. Since: 0.1.
        """


class ProviderSpecs:
    """For a plugin that serves models."""

    @hookspec
    def chat(self, call: ChatCall, context: CallContext) -> Reply:  # type: ignore[empty-body]
        """Send a chat call upstream and return its reply: one item for a plain call, one per chunk for a stream.

        Return as soon as the upstream has accepted the call; the reply's iterator does the reading. Nothing here may
        block the event loop: all I/O goes through ``context.transport``.

        Args:
            call: checked, and never to be changed; ``call.stream`` says which kind of reply is wanted.
            context: the model that the upstream knows, this section's settings, the transport and the limits.

        Raises:
            UpstreamError: of the kind that the failure has (``router.errors.KINDS``), here or from the iterator.

        Called: addressed, once per attempt. Since: 0.1.
        """

    @hookspec
    def embeddings(self, call: EmbeddingsCall, context: CallContext) -> Reply:  # type: ignore[empty-body]
        """Send an embeddings call upstream; as ``chat``, always one item.

        A provider without this hook does not offer embeddings, and the client is told so.

        Called: addressed, once per attempt. Since: 0.1.
        """

    @hookspec
    def compiled(self, kind: str, context: CallContext) -> CallWire | None:
        """What all calls of one kind to one model at one endpoint have in common, done beforehand.

        The wire says the same as ``chat`` or ``embeddings``, which stay, and are asked where there is none. The base
        class of OpenAI's wire has this hook, and gives none where a subclass overrides the hook itself or ``send``. A
        wire that lacks a member of ``CallWire``, or has one of another type, is named in the log and not used.

        Args:
            kind: ``chat`` or ``embeddings``.
            context: the model, the endpoint's settings, the transport. Its limits are not those of a call.

        Returns:
            None where each call must be asked for.

        Called: addressed, at the first call of that kind to a model at an endpoint. Since: 0.2.
        """

    @hookspec
    def fallback(  # type: ignore[empty-body]
        self, call: ChatCall | EmbeddingsCall, error: UpstreamError, context: CallContext
    ) -> Sequence[str]:
        """Model IDs to try after this provider failed, best first; empty gives up.

        Targets that the key may not use, or that do not exist, are skipped.

        Called: addressed to the provider that failed, after the operator's own targets, only for failures that allow
        another target and before any output. Since: 0.1.
        """

    @hookspec
    def models(self, context: CallContext) -> Iterable[ModelCard]:  # type: ignore[empty-body]
        """The models that this provider serves: IDs, list prices, context windows, bounds.

        Data that ships with the plugin: no I/O. ``context.model`` is empty.

        Called: addressed, at start and when the catalogue is read. Since: 0.1.
        """

    @hookspec
    def list_models(self, context: CallContext) -> Iterable[ModelCard]:  # type: ignore[empty-body]
        """The models that the upstream says it has now: asked over the network, through ``context.transport``.

        ``context.model`` is empty; what the upstream does not tell stays unset in a card, its ``kind`` empty.

        Raises:
            UpstreamError: the upstream could not be asked.

        Called: addressed, by ``router models sync``, never for a call. Since: 0.1.
        """

    @hookspec
    def request_rules(self, context: CallContext) -> RequestRules:  # type: ignore[empty-body]
        """What this provider's requests may hold: names of the output cap that it obeys, fields that cost more or that
        choose who serves, members of messages that it knows.

        Data that ships with the plugin: no I/O. ``context.model`` is empty. The host keeps to it before ``chat`` and
        ``embeddings`` see a call; without this hook both of OpenAI's caps are sent, and unknown fields pass.

        Called: addressed, once at start. Since: 0.1.
        """


class BillingSpecs:
    """For a policy that decides who may spend how much; ``[gateway] billing = "NAME"`` chooses it.

    A failing hook fails closed: the call is refused, or its claims are settled in full.
    """

    @hookspec
    def billing_meters(self, key: Key, context: PolicyContext) -> Meters | None:
        """What every call of a key claims, declared beforehand: no call is then asked for.

        The declaration says the same as ``billing_claims`` and ``billing_settle``, which stay, and are
        asked where there is no declaration, or where its ``amounts`` gives None. ``billing_undo`` is not called
        for declared claims. Pure, as ``billing_claims``. A class that overrides one of the hooks for single calls
        has to override this one as well: else the declaration that it inherits is not used.

        Args:
            context: the time, and the plugin's own settings. What is returned holds from then on, until its ``until``
                or until the key, its account or a limit changes.

        Returns:
            None for a key whose calls must be asked for one by one.

        Raises:
            RouterError: refuses the call.

        Called: addressed, at the first of a key's calls to a model, and again at each ``until``. Since: 0.2.
        """

    @hookspec
    def billing_claims(  # type: ignore[empty-body]
        self, call: ChatCall | EmbeddingsCall, key: Key, quote: Quote, context: PolicyContext
    ) -> Sequence[Claim]:
        """What a call takes from which buckets, before the upstream sees anything; empty lets it pass, and leaves
        nothing to settle or undo.

        The host takes the claims of all policies in one transaction, or none. A pure function: no I/O, no clock, no
        state; it may be called again for the same call, with a smaller quote. A policy whose state lives elsewhere
        takes it here, and gives it back in ``billing_undo``.

        Args:
            quote: the most that the call can use, and what that would be charged.
            context: the time, and the plugin's own settings.

        Raises:
            RouterError: refuses the call.

        Called: addressed, at least once per call. Since: 0.1.
        """

    @hookspec
    def billing_settle(  # type: ignore[empty-body]
        self, claims: Sequence[Claim], outcome: Outcome, context: PolicyContext
    ) -> Sequence[int]:
        """The final amount of each claim, in their order; it replaces what was held. Without this hook, all amounts
        stay as they were claimed. The claims are the very objects that ``billing_claims`` returned.

        An amount may exceed its claim; of ``BALANCE``, no more is taken than the account has. What was claimed in a
        window that is over by now is forgotten. Pure, as ``billing_claims``.

        What it gives for ``BALANCE`` is the charge: what a key's budget, and the rate-limit policy, count.

        Called: addressed, exactly once for each call whose claims were taken. Since: 0.1.
        """

    @hookspec
    def billing_undo(self, claims: Sequence[Claim], context: PolicyContext) -> None:
        """Claims that this policy returned were not taken: another claim was refused, or the database failed.

        Called: addressed, for each answer of ``billing_claims`` that was not taken. Since: 0.1.
        """


class RateLimitSpecs:
    """For a policy that decides how often and how much may be called; ``[gateway] rate_limit = "NAME"`` chooses it.

    A failing hook fails closed: the call is refused, or its claims are settled in full.
    """

    @hookspec
    def rate_limit_meters(self, key: Key, context: PolicyContext) -> Meters | None:
        """What every call of a key claims, declared beforehand: no call is then asked for.

        The declaration says the same as ``rate_limit_claims`` and ``rate_limit_settle``, which stay, and are
        asked where there is no declaration, or where its ``amounts`` gives None. ``rate_limit_undo`` is not called
        for declared claims. Pure, as ``rate_limit_claims``. A class that overrides one of the hooks for single calls
        has to override this one as well: else the declaration that it inherits is not used.

        Args:
            context: the time, and the plugin's own settings. What is returned holds from then on, until its ``until``
                or until the key, its account or a limit changes.

        Returns:
            None for a key whose calls must be asked for one by one.

        Raises:
            RouterError: refuses the call.

        Called: addressed, at the first of a key's calls to a model, and again at each ``until``. Since: 0.2.
        """

    @hookspec
    def rate_limit_claims(  # type: ignore[empty-body]
        self, call: ChatCall | EmbeddingsCall, key: Key, quote: Quote, context: PolicyContext
    ) -> Sequence[Claim]:
        """What a call takes from which buckets, before the upstream sees anything; empty lets it pass, and leaves
        nothing to settle or undo.

        The host takes the claims of all policies in one transaction, or none. A pure function: no I/O, no clock, no
        state; it may be called again for the same call, with a smaller quote. A policy whose state lives elsewhere
        takes it here, and gives it back in ``rate_limit_undo``.

        Args:
            quote: the most that the call can use.
            context: the time, and the plugin's own settings.

        Raises:
            RouterError: refuses the call.

        Called: addressed, at least once per call. Since: 0.1.
        """

    @hookspec
    def rate_limit_settle(  # type: ignore[empty-body]
        self, claims: Sequence[Claim], outcome: Outcome, context: PolicyContext
    ) -> Sequence[int]:
        """The final amount of each claim, in their order; it replaces what was held. Without this hook, all amounts
        stay as they were claimed. The claims are the very objects that ``rate_limit_claims`` returned.

        An amount may exceed its claim; of ``BALANCE``, no more is taken than the account has. What was claimed in a
        window that is over by now is forgotten. Pure, as ``rate_limit_claims``.

        Called: addressed, exactly once for each call whose claims were taken. Since: 0.1.
        """

    @hookspec
    def rate_limit_undo(self, claims: Sequence[Claim], context: PolicyContext) -> None:
        """Claims that this policy returned were not taken: another claim was refused, or the database failed.

        Called: addressed, for each answer of ``rate_limit_claims`` that was not taken. Since: 0.1.
        """


class DialectSpecs:
    """For a plugin that gives the gateway's own wire another shape."""

    @hookspec
    def dialect(self) -> Dialect:  # type: ignore[empty-body]
        """The dialect.

        Called: addressed to the plugin named by ``[gateway] profile``, once at start. Since: 0.1.
        """


class StorageSpecs:
    """For a plugin with tables of its own."""

    @hookspec
    def storage_migrations(self) -> Sequence[Migration]:  # type: ignore[empty-body]
        """The plugin's tables as numbered steps, oldest first. Table names begin with the plugin's name.

        Called: collected by ``router db migrate`` and at start. Since: 0.1.
        """


class LifecycleSpecs:
    """For a plugin that watches. Broadcast; a failure is logged and harms nobody else."""

    @hookspec
    def startup(self, context: StartupContext) -> None:
        """A worker is about to accept calls. Called: broadcast, once per worker. Since: 0.1."""

    @hookspec
    def shutdown(self) -> None:
        """A worker has finished its last call. Called: broadcast, once per worker. Since: 0.1."""

    @hookspec
    def register_commands(self, cli: click.Group) -> None:
        """Add commands to ``router``. Called: broadcast, when the command line starts. Since: 0.1."""

    @hookspec
    def request_finished(self, record: CallRecord) -> None:
        """A call is over, its usage row on its way, and its client answered.

        It runs in a greenlet of the plugin's own, one record after another, and delays no call. While 10,000 records
        wait for it, further ones are dropped, and their number is logged.

        Called: broadcast. Since: 0.1.
        """


ROLES: dict[str, type] = {
    "common": CommonSpecs,
    "provider": ProviderSpecs,
    "billing": BillingSpecs,
    "rate_limit": RateLimitSpecs,
    "dialect": DialectSpecs,
    "storage": StorageSpecs,
    "lifecycle": LifecycleSpecs,
}
"""Role name -> its hooks."""
