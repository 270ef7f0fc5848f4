"""The plugin ``cache`` by itself: what asks the same, what is kept and for how long, in the database and in Redis."""

from __future__ import annotations

import logging
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from router_plugins.cache import Cache, Settings
from router_plugins.cache.asking import asks_the_same, digest_of
from router_plugins.cache.stores import RedisStore
from strategy_room import call, context

from router import CachedAnswer, CallRequest, Secret, Usage
from router.app.plugin_contexts import PluginContexts
from router.calls.recall.recalled import items_of
from router.config.file import Settings as FileSettings
from router.store.migrating import migrate
from router.store.opening import open_database
from router.surfaces.canonical.chat_forms import answer_of, chunks_of
from router.testing import free_port

BODY = (
    b'{"id":"c","model":"x","choices":'
    b'[{"index":0,"message":{"role":"assistant","content":"Yes"},"finish_reason":"stop"}]}'
)
ANSWER = CachedAnswer(BODY, False, "one/x", Usage(9, 4, 1, 0, 2), 1000.0, "stop")


@pytest.fixture
def contexts(tmp_path: Path) -> Iterator[Any]:
    database = open_database("sqlite:///router.db", tmp_path, create=True)
    migrate(database, {"cache": list(Cache().storage_migrations())})
    made = lambda **given: PluginContexts(  # noqa: E731 - one line, used below
        FileSettings(path=tmp_path / "router.toml", environ={}), {"cache": Settings(**given)}, lambda: database
    ).of("cache")
    yield made
    database.close()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def sure(text: str = "Hi", **fields: Any) -> CallRequest:
    return call(messages=[{"role": "user", "content": text}], temperature=0, **fields)


def test_an_answer_is_given_until_its_time_is_over(contexts: Any) -> None:
    clock = Clock()
    cache, given = Cache(clock), contexts(ttl_s=60)
    assert cache.answer_get(given, sure()) is None
    cache.answer_put(given, sure(), ANSWER)
    assert cache.answer_get(given, sure()) == ANSWER
    clock.now += 61
    assert cache.answer_get(given, sure()) is None
    (job,) = cache.jobs(given)
    job.run()
    assert given.database.read(lambda one: one.row("SELECT COUNT(*) AS n FROM cache_answers")) == {"n": 0}


def test_the_newest_are_kept(contexts: Any) -> None:
    clock = Clock()
    cache, given = Cache(clock), contexts(max_answers=5, ttl_s=1000)
    for number in range(12):
        clock.now += 1
        cache.answer_put(given, sure(str(number)), replace(ANSWER, made_at=clock.now))
    kept = [number for number in range(12) if cache.answer_get(given, sure(str(number))) is not None]
    assert len(kept) <= 5 + 5 and kept[-1] == 11 and 0 not in kept
    cache._open(given).tidy(clock.now)  # type: ignore[attr-defined]
    assert [number for number in range(12) if cache.answer_get(given, sure(str(number))) is not None] == [
        7,
        8,
        9,
        10,
        11,
    ]


@pytest.mark.parametrize(
    "answer",
    [
        replace(ANSWER, finish="length"),
        replace(ANSWER, finish="content_filter"),
        replace(ANSWER, finish=""),
        replace(ANSWER, finish="tool_calls", calls_tools=True),
        replace(ANSWER, body=b" " * 2000),
    ],
)
def test_answers_that_are_not_kept(contexts: Any, answer: CachedAnswer) -> None:
    cache, given = Cache(Clock()), contexts(max_bytes=1024)
    cache.answer_put(given, sure(), answer)
    assert cache.answer_get(given, sure()) is None


@pytest.mark.parametrize(
    ("fields", "same"),
    [
        ({"temperature": 0}, True),
        ({"temperature": 0.0}, True),
        ({"temperature": 1, "seed": 3}, True),
        ({}, False),
        ({"temperature": 0.1}, False),
        ({"temperature": 0, "tools": [{}]}, False),
        ({"temperature": 0, "tools": []}, True),
        ({"temperature": 0, "web_search_options": {"a": 1}}, False),
        ({"temperature": 0, "modalities": ["text", "audio"]}, False),
        ({"temperature": 0, "n": 2}, False),
    ],
)
def test_calls_that_are_sure_enough(fields: dict[str, Any], same: bool) -> None:
    assert asks_the_same(call(**fields), False, False, ()) is same


def test_more_is_kept_where_it_is_asked_for() -> None:
    assert asks_the_same(call(temperature=1), True, False, ())
    assert asks_the_same(call(temperature=0, tools=[{}]), False, True, ())
    assert asks_the_same(sure(), False, False, ("one/x",)) and not asks_the_same(sure(), False, False, ("two/x",))


def test_what_asks_the_same() -> None:
    base = sure()
    same = [sure(user="a"), sure(stream=True, stream_options={"include_usage": True}), sure(metadata={"a": "b"})]
    assert {digest_of(one, of_account=False) for one in same} == {digest_of(base, of_account=False)}
    others = [
        sure("Ho"),
        sure(top_p=0.5),
        replace(base, account="acct_2"),
        replace(base, key="key_2"),
        replace(base, surface="messages"),
        replace(base, model="two/x"),
        replace(base, variant="v"),
        replace(base, source={"a": 1}),
    ]
    digests = {digest_of(one, of_account=False) for one in (base, *others)}
    assert len(digests) == len(others) + 1
    assert digest_of(replace(base, key="key_2"), of_account=True) == digest_of(base, of_account=True)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '[2,false,"a",{},1,"",false,"x"]', '[1,false,"a",{"prompt_tokens":-1},1,"",false,"x"]']
)
def test_a_text_of_another_version_is_no_answer(text: str) -> None:
    assert CachedAnswer.unpacked(text) is None
    assert CachedAnswer.unpacked(ANSWER.packed()) == ANSWER


MESSAGE = {"role": "assistant", "content": "Yes", "reasoning_content": "Hm", "refusal": None}
CALLS = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]


@pytest.mark.parametrize("message", [MESSAGE, {"role": "assistant", "content": None, "tool_calls": CALLS}])
def test_a_whole_answer_and_its_stream_say_the_same(message: dict[str, Any]) -> None:
    finish = "tool_calls" if "tool_calls" in message else "stop"
    whole = {
        "id": "c",
        "model": "x",
        "created": 7,
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
    }
    chunks = chunks_of(whole)
    assert chunks is not None
    back = answer_of(chunks)
    assert back is not None and back["id"] == "c" and back["created"] == 7
    (choice,) = back["choices"]
    assert choice["finish_reason"] == finish
    said = {name: value for name, value in choice["message"].items() if value is not None}
    assert said == {name: value for name, value in message.items() if value is not None}


@pytest.mark.parametrize(
    "choices",
    [[], [{}, {}], [{"message": "Yes"}], [{"message": {"audio": {"id": "a"}}}], "no"],
)
def test_what_a_stream_cannot_say_is_not_said_by_one(choices: Any) -> None:
    assert chunks_of({"choices": choices}) is None


@pytest.mark.parametrize(
    "delta", [{"index": 1, "delta": {}}, {"delta": {"audio": {"id": "a"}}}, {"delta": {}, "logprobs": {"a": 1}}]
)
def test_what_a_whole_answer_cannot_say_is_not_said_by_one(delta: Any) -> None:
    assert answer_of([{"choices": [delta]}]) is None


@pytest.mark.parametrize("body", [b"", b"no", b"[]", b'{"choices": 3}', b"{}\nno"])
@pytest.mark.parametrize("kept", [True, False])
def test_what_is_damaged_answers_nobody(body: bytes, kept: bool) -> None:
    assert items_of(replace(ANSWER, body=body, stream=kept), stream=not kept) is None


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    port = free_port()
    options = ["--port", str(port), "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"]
    process = subprocess.Popen([program, *options], cwd=tmp_path_factory.mktemp("redis"), stdout=subprocess.DEVNULL)
    try:
        import redis

        client = redis.Redis(port=port)
        deadline = time.monotonic() + 20
        while True:
            try:
                client.ping()
                break
            except redis.ConnectionError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(10)


def test_redis_keeps_and_forgets_by_itself(redis_url: str) -> None:
    import redis

    settings = Settings(store="redis", redis_url=Secret(redis_url), ttl_s=50)
    cache, given = Cache(Clock()), context(settings)
    cache.answer_put(given, sure(), ANSWER)
    assert cache.answer_get(given, sure()) == ANSWER
    assert cache.answer_get(given, sure("Ho")) is None
    (key,) = redis.Redis.from_url(redis_url).keys("router:cache:*")
    assert 0 < redis.Redis.from_url(redis_url).ttl(key) <= 50


def test_a_redis_that_is_down_is_left_alone_for_a_while(caplog: pytest.LogCaptureFixture) -> None:
    store = RedisStore(f"redis://127.0.0.1:{free_port()}/0", 50, logging.getLogger("test"))
    for _ in range(20):
        assert store.get("a", 0) is None
        store.put("a", "b", 0)
    assert len(caplog.records) == 1 and "Redis does not answer" in caplog.text


def test_redis_needs_an_address() -> None:
    with pytest.raises(ValueError, match="needs redis_url"):
        Settings(store="redis")
