"""What is installed on an Ollama server: ``GET /api/tags``, and ``POST /api/show`` for each model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router import ModelCard

__all__ = ["card", "names"]

_EMBEDS = (".pooling_type", "bert.context_length")


def names(tags: Any) -> list[str]:
    """The models' names in the answer of ``/api/tags``, without the tag that holds where there is none."""
    models = tags.get("models") if isinstance(tags, dict) else None
    found = (model.get("name") or model.get("model") for model in models or () if isinstance(model, dict))
    return [name.removesuffix(":latest") for name in found if isinstance(name, str)]


def card(name: str, shown: Any) -> ModelCard:
    """The card of a model by the answer of ``/api/show``. Local models have no price."""
    found = shown if isinstance(shown, dict) else {}
    info = found.get("model_info")
    facts = info if isinstance(info, dict) else {}
    capabilities = found.get("capabilities")
    kind = "embeddings" if _embeds(capabilities, facts) else "chat"
    window = next((value for key, value in facts.items() if key.endswith(".context_length")), None)
    return ModelCard(
        name,
        kind=kind,
        owned_by="ollama",
        context_window=window if type(window) is int and window > 0 else None,
        reasoning=isinstance(capabilities, list) and "thinking" in capabilities,
    )


def _embeds(capabilities: Any, facts: Mapping[str, Any]) -> bool:
    """Old servers give no capabilities: there, what pools its output, or is a BERT, embeds."""
    if isinstance(capabilities, list):
        return "embedding" in capabilities and "completion" not in capabilities
    return any(key.endswith(_EMBEDS) for key in facts)
