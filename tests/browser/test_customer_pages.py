"""Usage, models, docs and the playground in a real browser: what scripts add, and that nothing is needed of them."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from portal_kit import Visitor
from portal_site import PortalSite, start_portal

from router.testing import Answer, ScriptedUpstream, Stream, chunks, completion

pytestmark = pytest.mark.slow

ATTACK = "<script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as running:
        yield running


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory, upstream: ScriptedUpstream) -> Iterator[PortalSite]:
    """NexGate's, with a scripted provider behind it."""
    provider = {"base_url": upstream.url, "api_key": "sk-upstream", "on_disconnect": "cancel"}
    config = {"providers": {"openai": provider}, "gateway": {"only_offers": True}}
    with start_portal(tmp_path_factory.mktemp("portal"), profile="nexgate", config=config) as site:
        yield site


def talk(visitor: Visitor) -> str:
    return visitor.page.inner_text("#play-chat")


def say(visitor: Visitor, text: str) -> None:
    visitor.page.fill("#play-text", text)
    visitor.page.click("#play-send")


def test_a_talk_with_a_model(visitor: Visitor, upstream: ScriptedUpstream) -> None:
    visitor.sign_up()
    visitor.go("/app/play")
    visitor.page.select_option("#play-model", "gpt-4o")
    visitor.page.fill("#play-system", "Be brief.")
    upstream.script(Stream(chunks("Hi ", ATTACK)))
    say(visitor, "Hello")
    visitor.page.wait_for_selector("#play-price a")
    assert f"Hi {ATTACK}" in talk(visitor)
    assert visitor.page.locator("#play-chat script, #play-chat img").count() == 0
    assert "Price: $0.0" in visitor.page.inner_text("#play-price")
    sent = upstream.last.json()["messages"]
    assert [one["content"] for one in sent] == ["Be brief.", "Hello"]
    visitor.page.uncheck("#play-stream")
    upstream.script(Answer(completion("And again.")))
    say(visitor, "More")
    visitor.page.wait_for_selector("text=And again.")
    assert [one["role"] for one in upstream.last.json()["messages"]] == ["system", "user", "assistant", "user"]
    visitor.page.wait_for_selector("#play-price a")
    visitor.page.click("#play-price a")
    visitor.page.wait_for_selector("h1")
    assert "/app/logs/req_" in visitor.page.url


def test_stop_ends_an_answer_and_keeps_what_was_said(visitor: Visitor, upstream: ScriptedUpstream) -> None:
    visitor.sign_up()
    visitor.go("/app/play")
    held = threading.Event()
    pieces = chunks("first ", "second ")
    upstream.script(Stream([*pieces[:2], held, *pieces[2:]]))
    say(visitor, "Hello")
    visitor.page.wait_for_selector("text=first")
    visitor.page.click("#play-stop")
    visitor.page.wait_for_selector("text=stopped")
    assert "first" in talk(visitor) and "second" not in talk(visitor)
    visitor.page.wait_for_selector("#play-price a")
    held.set()
    assert visitor.page.is_enabled("#play-send") and visitor.page.is_hidden("#play-stop")


def test_a_refusal_stands_in_the_talk_and_the_message_is_kept(visitor: Visitor, upstream: ScriptedUpstream) -> None:
    visitor.sign_up()
    visitor.go("/app/play")
    upstream.script(Answer.error(400, "This is not for me."))
    say(visitor, "Hello")
    visitor.page.wait_for_selector(".turn.error")
    assert "This is not for me." in talk(visitor)
    assert visitor.page.input_value("#play-text") == "Hello"
    visitor.page.click("#play-clear")
    assert talk(visitor).strip() == ""


def test_the_curl_that_is_shown_runs(visitor: Visitor, upstream: ScriptedUpstream, tmp_path: Path) -> None:
    visitor.sign_up()
    key = visitor.make_key()
    visitor.go("/app/play")
    visitor.page.fill("#play-text", 'It\'s "quoted" \\ $HOME `id`\nand on two lines')
    visitor.page.uncheck("#play-stream")
    visitor.page.click("#play-curl summary")
    text = visitor.page.inner_text("#play-curl-text").replace("ng-...", key)
    file = tmp_path / "call.sh"
    file.write_text(text, encoding="utf-8")
    done = subprocess.run(["sh", str(file)], capture_output=True, text=True, timeout=60, check=False)
    assert "choices" in json.loads(done.stdout), done.stderr
    assert upstream.last.json()["messages"][-1]["content"] == 'It\'s "quoted" \\ $HOME `id`\nand on two lines'


def test_hours_are_zoomed_in_and_told(visitor: Visitor, upstream: ScriptedUpstream) -> None:
    visitor.sign_up()
    key = visitor.make_key()
    client = visitor.site.gateway.client(api_key=key)
    client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hello"}])
    visitor.go("/app/usage?per=hour&range=7d")
    canvas = visitor.page.locator(".plot canvas")
    canvas.wait_for()
    box = visitor.page.locator(".plot .u-over").bounding_box()
    assert box is not None
    visitor.page.mouse.move(box["x"] + box["width"] - 4, box["y"] + 40)
    visitor.page.wait_for_selector("figure p:has-text(': $')")
    visitor.page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40)
    visitor.page.mouse.down()
    visitor.page.mouse.move(box["x"] + box["width"] - 4, box["y"] + 40, steps=5)
    visitor.page.mouse.up()
    assert canvas.is_visible()
    assert visitor.page.locator("tfoot").inner_text().startswith("Total")


def test_all_of_it_can_be_read_without_script(
    visitor: Visitor, another: Callable[..., Visitor], upstream: ScriptedUpstream
) -> None:
    email = visitor.sign_up()
    plain = another(java_script_enabled=False)
    plain.log_in(email)
    for path in ("/app/usage?per=hour", "/app/transactions", "/app/limits", "/app/models?sort=input", "/app/docs"):
        plain.go(path)
        assert plain.page.inner_text("h1")
    plain.go("/app/docs")
    assert plain.page.locator("#docs-first-3").is_visible()  # all languages, one below the other
    plain.go("/app/models")
    plain.page.fill("#m-q", "nano")
    plain.page.click("form[role=search] button")
    assert plain.page.locator("tbody tr").count() == 2
    plain.page.click("thead a >> text=Output")
    assert "sort=output" in plain.page.url and "q=nano" in plain.page.url
    plain.go("/app/play")
    assert "needs JavaScript" in plain.page.inner_text("main")


def test_examples_are_copied_and_the_language_is_remembered(visitor: Visitor) -> None:
    visitor.go("/app/docs")
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.page.locator("#start [data-tab=Python]").click()
    visitor.page.click("#start [data-panel=Python] [data-copy]")
    visitor.page.wait_for_selector("#start [data-panel=Python] >> text=Copied")
    copied = visitor.page.evaluate("navigator.clipboard.readText()")
    assert copied == visitor.page.inner_text("#docs-first-2").strip()
    visitor.go("/app/models/gpt-4o")
    assert visitor.page.locator("[data-panel=Python]").is_visible()
    assert visitor.page.locator("[data-panel=curl]").is_hidden()
