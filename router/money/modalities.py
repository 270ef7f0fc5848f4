"""What models do, as their cards and prices tell it apart."""

from __future__ import annotations

__all__ = ["MODALITIES"]

MODALITIES = (
    "chat",
    "embeddings",
    "completions",
    "moderations",
    "rerank",
    "images",
    "speech",
    "transcriptions",
)
"""The kinds of models. Completions are those of a model that continues a text; chat models serve that route, too."""
