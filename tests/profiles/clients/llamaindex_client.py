"""LlamaIndex's OpenAI-like classes. Usage: BASE_URL API_KEY MODEL EMBEDDINGS_MODEL; prints a JSON document."""

from __future__ import annotations

import json
import sys

from llama_index.core.llms import ChatMessage
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai_like import OpenAILike

base_url, api_key, model, embeddings_model = sys.argv[1:]
chat = OpenAILike(
    api_base=base_url, api_key=api_key, model=model, is_chat_model=True, max_retries=0, timeout=20, max_tokens=64
)
reply = chat.chat([ChatMessage(role="user", content="Hello there, index")])
streamed = chat.stream_chat([ChatMessage(role="user", content="nonce=li chunks=5")])
pieces = [part.delta for part in streamed if part.delta]
embed = OpenAILikeEmbedding(api_base=base_url, api_key=api_key, model_name=embeddings_model, max_retries=0)
print(
    json.dumps(
        {
            "content": reply.message.content,
            "model": reply.raw.model,
            "usage": [reply.raw.usage.prompt_tokens, reply.raw.usage.completion_tokens],
            "pieces": pieces,
            "vectors": [*embed.get_text_embedding_batch(["one", "two words"]), embed.get_query_embedding("three")],
        }
    )
)
