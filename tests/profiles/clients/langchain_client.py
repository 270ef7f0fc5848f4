"""LangChain's OpenAI classes. Usage: BASE_URL API_KEY MODEL EMBEDDINGS_MODEL; prints a JSON document."""

from __future__ import annotations

import json
import sys

from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

base_url, api_key, model, embeddings_model = sys.argv[1:]
chat = ChatOpenAI(base_url=base_url, api_key=api_key, model=model, max_retries=0, timeout=20)
reply = chat.invoke([HumanMessage("Hello there, chain")])
pieces = [chunk.content for chunk in chat.stream("nonce=lc chunks=5") if chunk.content]
# Otherwise it cuts texts into tokens itself, by a vocabulary that it would have to download first.
embed = OpenAIEmbeddings(
    base_url=base_url, api_key=api_key, model=embeddings_model, check_embedding_ctx_length=False, max_retries=0
)
print(
    json.dumps(
        {
            "content": reply.content,
            "model": reply.response_metadata["model_name"],
            "usage": [reply.usage_metadata["input_tokens"], reply.usage_metadata["output_tokens"]],
            "pieces": pieces,
            "vectors": [*embed.embed_documents(["one", "two words"]), embed.embed_query("three")],
        }
    )
)
