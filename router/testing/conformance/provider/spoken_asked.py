"""What the upstream is sent of a call by a surface that the provider speaks itself."""

from __future__ import annotations

import copy

from router.testing.conformance.base import expect
from router.testing.conformance.provider.bench import PROVIDER, ProviderBench
from router.testing.conformance.provider.replies import expect_our_key
from router.testing.conformance.provider.shapes import UNHEARD_OF
from router.testing.conformance.provider.spoken import calling, surfaces_of
from router.testing.conformance.provider.usage import mode

__all__ = ["bodies", "keys_and_headers"]

_AS_GIVEN = (
    "Post call.body as it is (HttpProvider.pass_on, or send): the host has set all that is not the client's to say."
)


@PROVIDER.rule(
    "P70",
    "A body by Responses or Messages reaches the upstream as the hook was given it, unknown fields and all.",
    remedy=_AS_GIVEN,
)
def bodies(bench: ProviderBench) -> None:
    for one in surfaces_of(bench):
        for streamed in (False, True):
            bench.script(one.reply(streamed, "Forty"))
            odd = {"x_unheard_of": UNHEARD_OF, "metadata": {"kept": "yes"}, "store": False}
            body = one.body(one.bench.wire.model, stream=streamed, **odd)
            before = copy.deepcopy(body)
            with calling(one, body) as reply:
                list(reply)
            what = f"{one.hook}, {mode(streamed)}"
            expect(body == before, f"{what}: the hook changed call.body, which may go on to another provider")
            sent = bench.sent()
            lost = [name for name, value in before.items() if name != "model" and sent.get(name) != value]
            expect(not lost, f"{what}: {', '.join(lost)} reached the upstream as {[sent.get(name) for name in lost]}")
            model = sent.get("model", body["model"])
            expect(model == body["model"], f"{what}: the model {body['model']!r} reached the upstream as {model!r}")


@PROVIDER.rule(
    "P71",
    "With such a body go our key, never the client's, and the headers that belong to it.",
    remedy="Send what headers(context) gives, and call.headers in place of those of the same names.",
)
def keys_and_headers(bench: ProviderBench) -> None:
    for one in surfaces_of(bench):
        for streamed in (False, True):
            bench.script(one.reply(streamed, "Forty"))
            heard = one.ask(stream=streamed)
            expect(heard.status == 200, f"{one.hook}, {mode(streamed)}: status {heard.status}: {heard.raw[:300]!r}")
            bench.sent()
            expect_our_key(bench, bench.upstream.last)
            for name, value in one.headers.items():
                found = bench.upstream.last.headers.get(name)
                expect(found == value, f"{one.hook}: the header {name}: {value} reached the upstream as {found!r}")
