"""Examples of calls, with this gateway's address and a model that it sells. They run as they stand, but for the key."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from router.portal.web.brand import Brand
from router.types.offers import Listed

__all__ = ["Example", "call_examples", "curl_get", "example_model", "examples_of", "key_shown", "stream_examples"]

Example = tuple[str, str]
"""What it is written in, and its text."""

_HELLO = [{"role": "user", "content": "Hello"}]

_PYTHON_HEAD = """# pip install openai
from openai import OpenAI

client = OpenAI(base_url={url}, api_key={key})
"""
_NODE_HEAD = """// npm install openai
import OpenAI from "openai";

const client = new OpenAI({{ baseURL: {url}, apiKey: {key} }});
"""

_PYTHON_CALL = """answer = client.chat.completions.create(
    model={model},
    messages=[{{"role": "user", "content": "Hello"}}],
)
print(answer.choices[0].message.content)"""
_NODE_CALL = """const answer = await client.chat.completions.create({{
  model: {model},
  messages: [{{ role: "user", content: "Hello" }}],
}});
console.log(answer.choices[0].message.content);"""

_PYTHON_STREAM = """stream = client.chat.completions.create(
    model={model},
    messages=[{{"role": "user", "content": "Hello"}}],
    stream=True,
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
print()"""
_NODE_STREAM = """const stream = await client.chat.completions.create({{
  model: {model},
  messages: [{{ role: "user", content: "Hello" }}],
  stream: true,
}});
for await (const chunk of stream) {{
  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
}}
console.log();"""

_PYTHON_EMBEDDINGS = """answer = client.embeddings.create(model={model}, input="Hello")
print(len(answer.data[0].embedding))"""
_NODE_EMBEDDINGS = """const answer = await client.embeddings.create({{ model: {model}, input: "Hello" }});
console.log(answer.data[0].embedding.length);"""


def call_examples(brand: Brand, model: str, key: str = "") -> Sequence[Example]:
    """The first call by curl, Python and Node.

    Args:
        key: its text; empty shows where it goes.
    """
    body = {"model": model, "messages": _HELLO}
    return _all(brand, model, key, ("/chat/completions", body), _PYTHON_CALL, _NODE_CALL)


def stream_examples(brand: Brand, model: str) -> Sequence[Example]:
    """The same as a stream."""
    body = {"model": model, "messages": _HELLO, "stream": True}
    return _all(brand, model, "", ("/chat/completions", body), _PYTHON_STREAM, _NODE_STREAM)


def examples_of(brand: Brand, model: str, kind: str) -> Sequence[Example]:
    """A call of a model; none for a kind of which there is no example."""
    if kind in ("", "chat"):
        return call_examples(brand, model)
    if kind == "embeddings":
        body = {"model": model, "input": "Hello"}
        return _all(brand, model, "", ("/embeddings", body), _PYTHON_EMBEDDINGS, _NODE_EMBEDDINGS)
    return ()


def curl_get(brand: Brand, path: str) -> str:
    """A question to the gateway by curl.

    Args:
        path: from the gateway's root on.
    """
    url = brand.api_url.removesuffix("/v1") + path
    return f"curl {shlex.quote(url)} \\\n  {_bearer(brand, '')}"


def key_shown(brand: Brand) -> str:
    """What stands where a key goes."""
    return f"{brand.key_prefix}..."


def example_model(listed: Iterable[Listed]) -> str:
    """A chat model that can be called; the cheapest, so that a first call costs next to nothing. Empty for none."""
    chat = [one for one in listed if one.available and one.card.kind in ("", "chat")]
    priced = sorted(chat, key=lambda one: ((one.price.input or 0) if one.price is not None else 0, one.id))
    return priced[0].id if priced else ""


def _all(
    brand: Brand, model: str, key: str, asked: tuple[str, Mapping[str, Any]], python: str, node: str
) -> list[Example]:
    path, body = asked
    shown = {"url": brand.api_url, "key": key or key_shown(brand), "model": model}
    quoted = {name: json.dumps(text) for name, text in shown.items()}
    head = f"curl {'-N ' if body.get('stream') else ''}{shlex.quote(brand.api_url + path)} \\\n  {_bearer(brand, key)}"
    data = shlex.quote(json.dumps(body, ensure_ascii=False))
    curl = f'{head} \\\n  -H "Content-Type: application/json" \\\n  -d {data}'
    return [
        ("curl", curl),
        ("Python", (_PYTHON_HEAD + python).format(**quoted)),
        ("Node", (_NODE_HEAD + node).format(**quoted)),
    ]


def _bearer(brand: Brand, key: str) -> str:
    return f'-H "Authorization: Bearer {key or key_shown(brand)}"'
