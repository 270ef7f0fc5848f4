"""Examples of calls, with this gateway's own address and a model that it sells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from router.portal.web.brand import Brand
from router.types.offers import Listed

__all__ = ["Example", "call_examples", "example_model"]

Example = tuple[str, str]
"""What it is written in, and its text."""

_CURL = """curl {url}/chat/completions \\
  -H "Authorization: Bearer {key}" \\
  -H "Content-Type: application/json" \\
  -d '{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello"}}]}}'"""

_PYTHON = """# pip install openai
from openai import OpenAI

client = OpenAI(base_url="{url}", api_key="{key}")
answer = client.chat.completions.create(
    model="{model}",
    messages=[{{"role": "user", "content": "Hello"}}],
)
print(answer.choices[0].message.content)"""

_NODE = """// npm install openai
import OpenAI from "openai";

const client = new OpenAI({{ baseURL: "{url}", apiKey: "{key}" }});
const answer = await client.chat.completions.create({{
  model: "{model}",
  messages: [{{ role: "user", content: "Hello" }}],
}});
console.log(answer.choices[0].message.content);"""


def call_examples(brand: Brand, model: str, key: str = "") -> Sequence[Example]:
    """The first call by curl, Python and Node.

    Args:
        key: its text; empty shows where it goes.
    """
    values = {"url": brand.api_url, "model": model, "key": key or f"{brand.key_prefix}..."}
    return [(name, text.format(**values)) for name, text in (("curl", _CURL), ("Python", _PYTHON), ("Node", _NODE))]


def example_model(listed: Iterable[Listed]) -> str:
    """A chat model that can be called; the cheapest, so that a first call costs next to nothing. Empty for none."""
    chat = [one for one in listed if one.available and one.card.kind in ("", "chat")]
    priced = sorted(chat, key=lambda one: ((one.price.input or 0) if one.price is not None else 0, one.id))
    return priced[0].id if priced else ""
