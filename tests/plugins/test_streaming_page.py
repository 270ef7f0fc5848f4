"""The provider of docs/streaming.md, as the page has it: installed, served by a gateway, called by OpenAI's SDK."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import openai
import pytest
from test_tutorial import ROOT, blocks

from router.testing import Answer, Gateway, ScriptedUpstream

WORDS = [{"word": "so"}, {"word": " be"}, {"word": " it"}]
ASK = {"model": "babel/words", "messages": [{"role": "user", "content": "Amen?"}]}


def events(*values: object, ended: bool = True) -> Answer:

    given = [*values, {"used": [3, 4]}] if ended else values
    text = "".join(f"data: {json.dumps(value)}\n\n" for value in given)
    return Answer(text, headers={"Content-Type": "text/event-stream"})


@pytest.fixture(scope="module")
def babel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[openai.OpenAI, ScriptedUpstream]]:
    site = tmp_path_factory.mktemp("site")
    (code,) = blocks("docs/streaming.md", "python")
    site.joinpath("router_babel.py").write_text(code, encoding="utf-8")
    metadata = site / "router_babel-0.1.0.dist-info"
    metadata.mkdir()
    metadata.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: router-babel\nVersion: 0.1.0\n")
    metadata.joinpath("entry_points.txt").write_text("[router]\nbabel = router_babel:plugin\n")
    env = {"PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}
    with ScriptedUpstream() as upstream:
        section = {"base_url": upstream.url, "api_key": "k"}
        with Gateway(tmp_path_factory.mktemp("babel"), providers={"babel": section}, env=env) as gateway:
            yield gateway.client(max_retries=0), upstream


def test_it_streams_word_by_word(babel: tuple[openai.OpenAI, ScriptedUpstream]) -> None:
    client, upstream = babel
    upstream.script(events(*WORDS))
    found = list(client.chat.completions.create(**ASK, stream=True, stream_options={"include_usage": True}))
    assert [choice.delta.content for chunk in found for choice in chunk.choices][:3] == ["so", " be", " it"]
    assert [choice.finish_reason for chunk in found for choice in chunk.choices] == [None, None, None, "stop"]
    assert (found[-1].usage.prompt_tokens, found[-1].usage.completion_tokens) == (3, 4)
    assert upstream.last.json() == {"say": "Amen?", "model": "words", "live": True}


def test_it_answers_at_once_as_well(babel: tuple[openai.OpenAI, ScriptedUpstream]) -> None:
    client, upstream = babel
    upstream.script(Answer({"words": ["so", "be", "it"], "used": [3, 4]}))
    reply = client.chat.completions.create(**ASK)
    assert (reply.choices[0].message.content, reply.usage.completion_tokens) == ("so be it", 4)


def test_a_stream_without_its_end_is_told_to_be_cut(babel: tuple[openai.OpenAI, ScriptedUpstream]) -> None:
    client, upstream = babel
    upstream.script(events(*WORDS, ended=False))
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(**ASK, stream=True))
