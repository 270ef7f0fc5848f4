"""The models of LiteLLM's configuration (``config.yaml``, ``model_list``), with their prices of a token as costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from router.catalogue.facts import facts_fault, given_facts
from router.config.provider import ModelFacts
from router.errors import BadRequest
from router.office.importing.records import ForeignModel, FoundElsewhere, OddRow, per_million

__all__ = ["find_in_config"]

_KINDS = {
    "": "chat",
    "chat": "chat",
    "responses": "chat",
    "completion": "completions",
    "embedding": "embeddings",
    "image_generation": "images",
    "audio_transcription": "transcriptions",
    "audio_speech": "speech",
    "moderation": "moderations",
    "rerank": "rerank",
}
_RATES = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached_input",
    "cache_creation_input_token_cost": "cache_write",
    "output_cost_per_reasoning_token": "reasoning",
}
_ABILITIES = {
    "supports_vision": "images",
    "supports_audio_input": "audio",
    "supports_pdf_input": "files",
    "supports_function_calling": "tools",
    "supports_reasoning": "reasoning",
}
_BYTES_MAX = 16_000_000


def find_in_config(path: Path, providers: Mapping[str, str]) -> FoundElsewhere:
    """The models of a configuration file.

    Args:
        providers: what stands before the ``/`` of LiteLLM's models -> the name of the provider here.

    Raises:
        BadRequest: the file cannot be read, or is no such configuration.
    """
    found = FoundElsewhere("litellm")
    seen: set[str] = set()
    for place, entry in enumerate(_entries(path), 1):
        name = entry.get("model_name") if isinstance(entry, dict) else None
        source = f"model_list[{place}] ({name})"
        if (
            not isinstance(entry, dict)
            or not isinstance(name, str)
            or not isinstance(entry.get("litellm_params"), dict)
        ):
            found.bad.append(OddRow(f"model_list[{place}]", "has no model_name, or no litellm_params"))
        elif "*" in name:
            found.left.append(OddRow(source, "stands for many: providers here pass on what they list"))
        elif name in seen:
            found.left.append(OddRow(source, "is another deployment of it: give the provider one more endpoint"))
        else:
            seen.add(name)
            try:
                found.models.append(_model(source, name, entry, providers))
            except ValueError as error:
                found.bad.append(OddRow(source, str(error)))
    return found


def _entries(path: Path) -> Iterator[Any]:
    try:
        import yaml  # type: ignore[import-untyped]
    except ImportError:
        raise BadRequest("LiteLLM's configuration is YAML: pip install 'tollrouter[import]' to read it.") from None
    try:
        if path.stat().st_size > _BYTES_MAX:
            raise BadRequest(f"{path} is larger than {_BYTES_MAX} bytes: that is no configuration.")
        document = yaml.load(path.read_text("utf-8"), yaml.BaseLoader)  # noqa: S506 - makes texts, lists and maps alone
    except OSError as error:
        raise BadRequest(f"{path} cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"{path} is no YAML: {' '.join(str(error).split())[:300]}") from None
    models = document.get("model_list") if isinstance(document, dict) else None
    if not isinstance(models, list):
        raise BadRequest(f"{path} has no model_list: it is no configuration of LiteLLM's proxy.")
    yield from models


def _model(source: str, name: str, entry: Mapping[str, Any], providers: Mapping[str, str]) -> ForeignModel:
    params = entry["litellm_params"]
    info = entry["model_info"] if isinstance(entry.get("model_info"), dict) else {}
    whole = params.get("model")
    if not isinstance(whole, str) or not whole:
        raise ValueError("litellm_params has no model")
    prefix, _, model = whole.partition("/") if "/" in whole else ("openai", "", whole)
    if prefix not in providers:
        raise ValueError(f"is served by {prefix!r}: --provider {prefix}=NAME says which provider here does")
    mode = str(info.get("mode") or "")
    if mode not in _KINDS:
        raise ValueError(f"is of the mode {mode[:40]!r}, which is not served here")
    facts = _facts({**info, **{name: value for name, value in params.items() if name in _RATES}})
    return ForeignModel(source, name, providers[prefix], model, _KINDS[mode], facts)


def _facts(told: Mapping[str, Any]) -> dict[str, Any]:
    cost: dict[str, Any] = {ours: per_million(told[theirs]) for theirs, ours in _RATES.items() if told.get(theirs)}
    if cost and not any(float(rate) for rate in cost.values()):
        cost = {"free": True}
    facts = ModelFacts(
        context_window=_count(told, "max_input_tokens") or _count(told, "max_tokens"),
        max_output=_count(told, "max_output_tokens"),
        capabilities=tuple(ours for theirs, ours in _ABILITIES.items() if str(told.get(theirs)).lower() == "true"),
        cost=cost,
    )
    key, fault = facts_fault(facts)
    if fault:
        raise ValueError(f"{key}: {fault}")
    return given_facts(facts)


def _count(told: Mapping[str, Any], name: str) -> int | None:
    text = str(told.get(name) or "").replace("_", "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:18]) < 10**12:
        raise ValueError(f"{name} is {text[:40]!r}: it must be a whole number of tokens")
    return int(text)
