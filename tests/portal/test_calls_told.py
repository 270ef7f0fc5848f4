"""What pages say of calls: tokens from a cache, when the first output came, and whether another than asked answered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from customer_kit import rows_of, table_of
from portal_site import Client, PortalSite, start_portal
from waiting import until

from router.testing import Answer, ScriptedUpstream, Stream

pytestmark = pytest.mark.slow

ASKED = "openai/gpt-4o"
HEAD = ["Time", "Model", "Key", "Status", "In", "From cache", "Out", "First output", "Duration", "Price"]


@dataclass
class Calls:
    """A portal, who reads it, and whether customers of its profile may know who served."""

    site: PortalSite
    upstream: ScriptedUpstream
    owner: Client
    key: str
    told: bool

    def make(self, *, stream: bool = False) -> str:
        """Make a call; the page of it."""
        before = set(self.listed())
        client = self.site.gateway.client(self.key)
        answer = client.chat.completions.create(
            model=ASKED, messages=[{"role": "user", "content": "Hello"}], stream=stream
        )
        if stream:
            list(answer)  # type: ignore[call-overload]
        until(lambda: set(self.listed()) - before, limit_s=10)
        (made,) = set(self.listed()) - before
        return self.owner.get(f"/app/logs/{made}")[2]

    def listed(self) -> list[str]:
        return re.findall(r'href="/app/logs/(req_\w+)"', self.owner.get("/app/logs")[2])


@pytest.fixture(scope="module", params=[None, "nexgate"])
def calls(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Calls]:
    with ScriptedUpstream() as upstream:
        config = {
            "providers": {"openai": {"base_url": upstream.url, "api_key": "sk-upstream"}},
            "fallback": {ASKED: ["echo/echo"]},
        }
        folder = tmp_path_factory.mktemp("calls")
        with start_portal(folder, profile=request.param, config=config, proof_of_work=False, free_credit="5") as site:
            owner = Client(site)
            owner.sign_up(name="Olga")
            key = re.search(r'id="new-key"[^>]*value="([^"]+)"', owner.post("/app/keys/new", {"name": "one"})[2])
            assert key is not None
            yield Calls(site, upstream, owner, key[1], told=request.param is None)


def test_the_list_has_what_came_from_a_cache_and_when_the_first_output_came(calls: Calls) -> None:
    usage = {"prompt_tokens": 2100, "completion_tokens": 7, "total_tokens": 2107}
    usage["prompt_tokens_details"] = {"cached_tokens": 1903}  # type: ignore[assignment]
    said = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o"}
    first = {"index": 0, "delta": {"role": "assistant", "content": "Hi"}, "finish_reason": None}
    last = {"index": 0, "delta": {}, "finish_reason": "stop"}
    events = [{**said, "choices": [first]}, {**said, "choices": [last]}, {**said, "choices": [], "usage": usage}]
    calls.upstream.script(Stream(events))
    assert "Answered by" not in calls.make(stream=True)
    status, _, page = calls.owner.get("/app/logs")
    head, newest = table_of(page)[:2]
    assert status == 200 and head == HEAD
    shown = dict(zip(HEAD, newest, strict=True))
    row = rows_of(calls.owner.get("/app/logs.csv")[2])[0]
    assert (shown["In"], shown["From cache"], shown["Out"]) == ("2,100", "1,903", "7")
    assert row["cached_tokens"] == "1903" and row["first_token_ms"].isdigit()
    assert re.fullmatch(r"\d.* m?s", shown["First output"])
    assert len(re.findall(r'<t[dh][^>]* class="num roomy"|<t[dh] class="num roomy"', page)) == 2 * (page.count("<tr>"))
    assert "roomy" not in calls.owner.get("/app/")[2], "the first page has no room for them"
    css = re.search(r'href="(/app/static/app\.css[^"]*)"', page)
    assert css is not None and "table.stack .roomy { display: none; }" in calls.owner.get(css[1])[2]


def test_one_call_tells_that_another_answered(calls: Calls) -> None:
    calls.upstream.script(*[Answer.error(500, "Down.")] * 9)
    page = calls.make()
    told = re.search(r"<dt>Answered by</dt><dd><code>echo/echo</code> <span[^>]*>another than was asked for<", page)
    assert (told is not None) == calls.told
    assert calls.told or "echo" not in page.partition("<main")[2], "whose customers are not told who serves"
    assert f"<dt>Model</dt><dd><code>{ASKED}</code></dd>" in page
