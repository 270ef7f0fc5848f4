"""What a call used: read from the upstream's reply, kept on the row, shown to clients that ask for it."""

from __future__ import annotations

from typing import Any

from router.testing.conformance.base import NotOffered, expect
from router.testing.conformance.provider.bench import PROVIDER, ProviderBench
from router.testing.conformance.provider.heard import Heard
from router.testing.conformance.provider.shapes import with_usage_repeated, without_usage
from router.testing.upstream.scripts import Script, Stream
from router.types.records import CallRecord, Units, Usage

__all__ = ["expect_counts", "mode"]

_ASKED: Any = {"stream_options": {"include_usage": True}}
_PLACE = "Return a Usage from reply.read_usage for the item that carries it, in the place where this upstream puts it."


@PROVIDER.rule("P20", "The usage of a plain reply is read, and shown in OpenAI's shape.", remedy=_PLACE)
def plain_usage(bench: ProviderBench) -> None:
    bench.script(bench.good_reply(False, "Forty"))
    heard = bench.ask()
    expect_counts(bench, heard, ("prompt_tokens", "completion_tokens"))
    _expect_shown(bench, heard)


@PROVIDER.rule("P21", "The usage of a stream is read, and shown once to a client that asks for it.", remedy=_PLACE)
def stream_usage(bench: ProviderBench) -> None:
    bench.script(bench.good_reply(True, "Forty", "-two"))
    heard = bench.ask(stream=True, **_ASKED)
    expect_counts(bench, heard, ("prompt_tokens", "completion_tokens"))
    _expect_shown(bench, heard)


@PROVIDER.rule(
    "P22",
    "A client that did not ask for the usage of a stream does not see it; it is read all the same.",
    remedy="Give the usage in an item without choices: the gateway leaves that out for clients that did not ask.",
)
def hidden_usage(bench: ProviderBench) -> None:
    bench.script(bench.good_reply(True, "Forty", "-two"))
    heard = bench.ask(stream=True)
    expect_counts(bench, heard, ("prompt_tokens", "completion_tokens"))
    shown = [value for value in heard.values if "usage" in value]
    expect(not shown, f"a client that did not ask was sent {shown[:1]}")


@PROVIDER.rule(
    "P23",
    "Cached tokens are counted, as a part of the prompt.",
    remedy="Usage.cached_tokens is a part of Usage.prompt_tokens: where the upstream counts it apart, add it there.",
)
def cached_usage(bench: ProviderBench) -> None:
    if not bench.wire.counts.cached_tokens and not bench.wire.no_upstream:
        raise NotOffered("its upstream does not count cached tokens")
    for streamed in (False, True):
        bench.script(bench.good_reply(streamed, "Forty"))
        expect_counts(bench, bench.ask(stream=streamed), ("prompt_tokens", "cached_tokens", "cache_write_tokens"))


@PROVIDER.rule(
    "P24",
    "Reasoning tokens are counted, as a part of the output.",
    remedy="Usage.reasoning_tokens is a part of Usage.completion_tokens: where the upstream counts it apart, add it.",
)
def reasoning_usage(bench: ProviderBench) -> None:
    if not bench.wire.counts.reasoning_tokens and not bench.wire.no_upstream:
        raise NotOffered("its upstream does not count reasoning apart")
    for streamed in (False, True):
        bench.script(bench.good_reply(streamed, "Forty", reasoning=["hm"]))
        expect_counts(bench, bench.ask(stream=streamed), ("completion_tokens", "reasoning_tokens"))


@PROVIDER.rule(
    "P25",
    "A reply without usage is delivered, and its counts are the gateway's estimate, marked as such.",
    remedy="Return None from reply.read_usage where there is no usage. Do not invent counts, not even zeros.",
)
def missing_usage(bench: ProviderBench) -> None:
    for streamed in (False, True):
        bench.script(_uncounted(bench, streamed))
        heard = bench.ask(stream=streamed)
        expect(heard.status == 200, f"{mode(streamed)}: status {heard.status}: {heard.raw[:300]!r}")
        row = bench.row(heard)
        expect(row.estimated, f"{mode(streamed)}: the counts {_counts(row)} are not marked as estimated")
        expect(row.completion_tokens > 0, f"{mode(streamed)}: an answer of words was counted as no output")


@PROVIDER.rule(
    "P26",
    "Of a usage that grows from chunk to chunk, the last counts, and not the sum.",
    remedy="Return each usage as it stands from reply.read_usage: the gateway keeps the last.",
)
def repeated_usage(bench: ProviderBench) -> None:
    script = bench.good_reply(True, "Forty", "-two")
    if not bench.wire.openai_shaped or not isinstance(script, Stream):
        raise NotOffered("its wire has one place for the usage")
    bench.script(with_usage_repeated(script))
    heard = bench.ask(stream=True, **_ASKED)
    expect_counts(bench, heard, ("prompt_tokens", "completion_tokens"))


def mode(streamed: bool) -> str:
    """What a message calls a call: ``stream`` or ``plain``."""
    return "stream" if streamed else "plain"


def _uncounted(bench: ProviderBench, streamed: bool) -> Script:
    if bench.wire.openai_shaped:
        return without_usage(bench.good_reply(streamed, "Forty", "-two"))
    if bench.wire.uncounted is None:
        raise NotOffered("its wire has no reply without usage")
    return bench.good_reply(streamed, "Forty", "-two", **bench.wire.uncounted)


def expect_counts(bench: ProviderBench, heard: Heard, names: tuple[str, ...], counts: Usage | None = None) -> None:
    """The row has the wire's counts, or others that the upstream told, and is not marked as estimated."""
    counts = counts or bench.wire.counts
    expect(heard.status == 200, f"status {heard.status}: {heard.raw[:300]!r}")
    row = bench.row(heard)
    expect(not row.estimated, "no usage was found, and the counts are the gateway's estimate")
    found, wanted = ({name: getattr(one, name) for name in names} for one in (row, counts))
    expect(found == wanted, f"the upstream said {wanted}, the row has {found}")
    told, kept = (_beside(one.units) for one in (counts, row))
    expect(kept == told, f"beside tokens the upstream said {told}, the row has {kept}")


def _beside(units: Units | None) -> dict[str, int]:
    """The counts beside tokens, without the request, which the gateway counts itself."""
    counts = {} if units is None else units.counts()
    return {name: count for name, count in counts.items() if name != "requests"}


def _expect_shown(bench: ProviderBench, heard: Heard) -> None:
    expect(len(heard.usages) == 1, f"the client was shown {len(heard.usages)} usage objects: {heard.usages}")
    shown: Any = heard.usages[0]
    counts: Usage = bench.wire.counts
    wanted = (counts.prompt_tokens, counts.completion_tokens, counts.prompt_tokens + counts.completion_tokens)
    found = tuple(shown.get(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens"))
    expect(found == wanted, f"prompt, completion and total are {wanted}, and the client was shown {shown}")


def _counts(row: CallRecord) -> tuple[int, int]:
    return row.prompt_tokens, row.completion_tokens
