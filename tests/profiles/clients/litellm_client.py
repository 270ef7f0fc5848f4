"""LiteLLM's client. Usage: BASE_URL API_KEY MODEL EMBEDDINGS_MODEL; prints a JSON document."""

from __future__ import annotations

import json
import sys

import litellm

base_url, api_key, model, embeddings_model = sys.argv[1:]
# The first part of a model ID chooses LiteLLM's own route: the rest is what the gateway sees.
target = {"api_base": base_url, "api_key": api_key, "max_retries": 0, "timeout": 20}
chat = {"model": f"openai/{model}", **target}
reply = litellm.completion(messages=[{"role": "user", "content": "Hello there, lite"}], **chat)
streamed = litellm.completion(messages=[{"role": "user", "content": "nonce=ll chunks=5"}], stream=True, **chat)
pieces = [chunk.choices[0].delta.content for chunk in streamed if chunk.choices[0].delta.content]
vectors = litellm.embedding(
    model=f"openai/{embeddings_model}", input=["one", "two words", "three"], encoding_format="float", **target
)
print(
    json.dumps(
        {
            "content": reply.choices[0].message.content,
            "model": reply.model,
            "usage": [reply.usage.prompt_tokens, reply.usage.completion_tokens],
            "pieces": pieces,
            "vectors": [item["embedding"] for item in vectors.data],
        }
    )
)
