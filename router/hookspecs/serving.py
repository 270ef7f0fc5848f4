"""The hooks of plugins that are no providers and no policies: the gateway's wire, tables, watching, pages, the line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pluggy

from router.types.dialect import Dialect
from router.types.guards import Guard
from router.types.line_hooks import CachedAnswer, CallRequest, Credentials, TargetOption, TargetReason
from router.types.observed import AttemptRecord, OutputRecord, RefusalRecord
from router.types.plugin_context import Job, PluginContext
from router.types.records import CallRecord, Migration
from router.types.routes import MenuEntry, PluginRoute, RouteRequest

if TYPE_CHECKING:
    import click

__all__ = [
    "CommonSpecs",
    "DialectSpecs",
    "GuardSpecs",
    "LifecycleSpecs",
    "LineSpecs",
    "ObserverSpecs",
    "SiteSpecs",
    "StorageSpecs",
]

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

    @hookspec
    def plugin_settings(self) -> type:  # type: ignore[empty-body]
        """The record for ``[plugins.NAME]`` of a plugin that is a provider as well: what it needs beside its sections.

        Any other plugin may use ``settings`` or this; this one counts where there are both.

        Called: addressed, once at start. Since: 0.2.
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
        """The plugin's tables as numbered steps, oldest first. All names begin with the plugin's: ``acme_`` for
        ``acme``. With ``requires_hooks = "0.2"`` a step that touches another table is refused; without, it is warned
        of. ``context.database`` reads and writes them.

        Called: collected by ``router db migrate`` and at start. Since: 0.1.
        """


class LifecycleSpecs:
    """For a plugin that starts, stops, works from time to time, or has commands. A failure is logged and harms nobody
    else.
    """

    @hookspec
    def startup(self, context: PluginContext) -> None:
        """A worker is about to accept calls. Called: broadcast, once per worker. Since: 0.1."""

    @hookspec
    def shutdown(self) -> None:
        """A worker has finished its last call. Called: broadcast, once per worker. Since: 0.1."""

    @hookspec
    def jobs(self, context: PluginContext) -> Sequence[Job]:  # type: ignore[empty-body]
        """What one of all workers does from time to time, whichever has the job's lease.

        Called: addressed, once per worker. Since: 0.2.
        """

    @hookspec
    def commands(self, context: PluginContext) -> Sequence[click.Command]:  # type: ignore[empty-body]
        """Commands of ``router``, with what they need in ``context``: the database, which is opened at its first use,
        and the settings.

        Called: addressed, when the command line meets a name that is not its own. Since: 0.2.
        """

    @hookspec(
        warn_on_impl=DeprecationWarning(
            "the hook 'register_commands' goes in 0.4: return the commands from 'commands', which gets a context with "
            "the database and the settings"
        )
    )
    def register_commands(self, cli: click.Group) -> None:
        """Add commands to ``router``. Retired in 0.2, gone in 0.4: return them from ``commands``.

        Called: broadcast, when the command line starts. Since: 0.1.
        """

    @hookspec(
        warn_on_impl=DeprecationWarning(
            "the hook 'request_finished' goes in 0.4: rename it to 'call_finished', which gets the same record"
        )
    )
    def request_finished(self, record: CallRecord) -> None:
        """A call is over. Retired in 0.2, gone in 0.4: ``call_finished`` gets the same record.

        Called: broadcast, where the plugin has no ``call_finished``. Since: 0.1.
        """


class ObserverSpecs:
    """For a plugin that watches calls.

    These hooks run in a greenlet of the plugin's own, one record after another in the order of what happened, and
    delay no call. While 10,000 records wait for a plugin, further ones are dropped, and their number is logged.
    """

    @hookspec
    def observes(self, context: PluginContext) -> bool:  # type: ignore[empty-body]
        """Whether the plugin, as it is set up, wants to be told of anything; one without this hook does.

        Where it does not, calls pay nothing for it.

        Called: addressed, once per worker. Since: 0.2.
        """

    @hookspec
    def call_refused(self, record: RefusalRecord) -> None:
        """A request was refused before it became a call: no good key, a bad body, no money, a limit.

        Called: broadcast, after the answer. Since: 0.2.
        """

    @hookspec
    def call_output(self, record: OutputRecord) -> None:
        """A call has its first output: the time to the first token of a stream. Its ``call_finished`` follows.

        Called: broadcast. Since: 0.2.
        """

    @hookspec
    def attempt_finished(self, record: AttemptRecord) -> None:
        """One upstream call of a client's call is over, well or not. Its ``call_finished`` follows.

        Called: broadcast. Since: 0.2.
        """

    @hookspec
    def call_finished(self, record: CallRecord) -> None:
        """A call is over, its usage row written or on its way, and its client answered.

        Called: broadcast. Since: 0.2.
        """


class SiteSpecs:
    """For a plugin with paths of its own, below ``/plugins/NAME``, and pages that a portal's menu shows."""

    @hookspec
    def routes(self, context: PluginContext) -> Sequence[PluginRoute]:  # type: ignore[empty-body]
        """The plugin's paths, who may ask for them, and what answers.

        Called: addressed, once per worker. Since: 0.2.
        """

    @hookspec
    def menu(self, context: PluginContext) -> Sequence[MenuEntry]:  # type: ignore[empty-body]
        """What a portal's menu shows of the plugin; ``router plugins show NAME`` lists it.

        Called: addressed, once at start. Since: 0.2.
        """

    @hookspec
    def session(self, context: PluginContext, request: RouteRequest) -> str | None:
        """The account whose session a request carries; None where it carries none that is good.

        Called: addressed, for each request to a route for ``session``, to the first plugin that has it. Since: 0.2.
        """


class GuardSpecs:
    """For a plugin that guards requests and replies, whatever wire they came by: it observes, changes or refuses texts.

    Several guard in the order of ``[guards] order``, and see replies in the opposite one.
    """

    @hookspec
    def guard(self, context: PluginContext) -> Guard | None:
        """What guards this worker's calls; None where the settings ask for nothing.

        What a failure means, how long a look may take and whose calls are guarded is set in ``[guards.NAME]``.

        Called: addressed, once per worker. Since: 0.2.
        """


class LineSpecs:
    """For a plugin that stands on a call's way: who calls, what is asked, where it goes, what is known already.

    Each is off where no plugin has it. The configuration says which plugins are asked, and in which order
    (``[routing] strategy``, ``[cache] plugins``, ``[authentication] plugins``, and of guards ``[guards] order``); where
    it says nothing, those that were written for hooks before 0.3 are, in the order of their names. They run in the
    call's greenlet: what they wait for, the call waits for.
    """

    @hookspec
    def authenticate(self, context: PluginContext, request: Credentials) -> str | None:
        """The ID of one of the gateway's keys (``key_…``), as which the caller is served; None where it is not known.

        The key's status, scope, budget and limits hold as if it had been shown. A failure refuses the call.

        Called: addressed, where the credentials are no key of the gateway's; the first answer counts. Since: 0.2.
        """

    @hookspec
    def request_guard(self, context: PluginContext, call: CallRequest) -> Mapping[str, Any] | None:
        """Look at a call before anything else does: raise to refuse it, return a body to serve in place of its own.

        What is returned is checked as a client's body is. A failure that is no ``RouterError`` refuses the call
        with 500 ``guard_failed``. Of the role ``guard``, the hook of that name sees texts alone, and replies as well.

        Raises:
            RouterError: refuses the call.

        Called: addressed, once per call, after its key is known. Since: 0.2.
        """

    @hookspec
    def route_targets(  # type: ignore[empty-body]
        self, context: PluginContext, targets: Sequence[TargetOption], call: CallRequest
    ) -> Sequence[str]:
        """The IDs of the targets in the order in which they are to be tried; those that it leaves out come last.

        A failure, and an ID that is not among them, is logged and changes nothing: money and scope are settled for
        those that there are.

        Called: addressed, once per call that has more than one target. Since: 0.2.
        """

    @hookspec
    def explain_targets(  # type: ignore[empty-body]
        self, context: PluginContext, targets: Sequence[TargetOption], call: CallRequest
    ) -> Sequence[TargetReason]:
        """The order that ``route_targets`` gives most calls like this one, with a reason for each target.

        The call is a sample, and nothing is drawn by lot. Without this hook ``route_targets`` is asked, and gives no
        reasons.

        Called: addressed, by ``router routes explain``, in a process that may serve no calls. Since: 0.3.
        """

    @hookspec
    def cache_get(self, context: PluginContext, call: CallRequest) -> bytes | None:
        """The answer to a call that is no stream, as ``cache_put`` was given it; None to have it served.

        Such an answer is a request (limits of requests count it), and costs nothing. A failure is logged, and the call
        is served.

        Called: addressed, once per call that is no stream; the first answer counts. Since: 0.2.
        """

    @hookspec
    def cache_put(self, context: PluginContext, call: CallRequest, answer: bytes) -> None:
        """A good answer that is no stream, of at most a mebibyte, as its client got it.

        It runs after the answer, in order. While 256 wait for a plugin, further ones are dropped.

        Called: addressed. Since: 0.2.
        """

    @hookspec
    def answer_get(self, context: PluginContext, call: CallRequest) -> CachedAnswer | None:
        """The answer to a call, as ``answer_put`` was given it; None to have it served.

        It serves plain calls and streams, on every surface, whichever it was. The call is admitted, recorded and
        charged (``[cache] price_share``) as any other, and has the header ``x-router-cache: hit``. Calls with an
        ``Idempotency-Key``, and those of clients that say ``Cache-Control: no-cache`` or ``no-store``, are not asked
        about. A failure is logged, and the call is served.

        Called: addressed, once per call of chat or embeddings; the first answer counts. Since: 0.3.
        """

    @hookspec
    def answer_put(self, context: PluginContext, call: CallRequest, answer: CachedAnswer) -> None:
        """A good and whole answer, of at most a mebibyte: never an error, never one that was cut.

        What a provider gave that speaks the client's surface itself is not offered, nor what was searched or drawn. It
        runs after the answer, in order. While 256 wait for a plugin, further ones are dropped.

        Called: addressed. Since: 0.3.
        """
