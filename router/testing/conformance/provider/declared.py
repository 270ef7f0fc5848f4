"""What a provider declares before it is ever called: its settings, its models; and that importing it does nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from router.config.provider import ProviderSettings
from router.errors import ConfigError
from router.money.modalities import MODALITIES
from router.money.prices import ALL_RATES, is_complete
from router.testing.conformance.base import Failed, NotOffered, expect
from router.testing.conformance.processes import run_module
from router.testing.conformance.provider.bench import PROVIDER, ProviderBench
from router.testing.conformance.provider.inside import NoTransport, inside, record_of
from router.types.records import CallContext, ModelCard, Price

__all__ = ["card_faults"]

_BY_TOKENS = frozenset({"", "chat", "completions"})
_IMPORT_CPU_S = 1.0


@PROVIDER.rule(
    "P01",
    "Its settings are router.ProviderSettings or a subclass.",
    remedy="Return a frozen dataclass that derives from router.ProviderSettings from the settings hook.",
)
def settings_are_a_record(bench: ProviderBench) -> None:
    declare = bench.plugin.hooks.get("settings")
    record = declare() if declare is not None else ProviderSettings
    expect(isinstance(record, type) and issubclass(record, ProviderSettings), f"settings() returned {record!r}")


@PROVIDER.rule(
    "P02",
    "An empty section is valid (missing() says what to set), and a misspelt key is refused with the right one.",
    remedy="Give every setting a default, and declare each as a field of the record: no **kwargs, no extra table.",
)
def misspelt_settings(bench: ProviderBench) -> None:
    record_of(bench.plugin, {}).missing()
    try:
        record_of(bench.plugin, {"bsae_url": "https://upstream.example"})
    except ConfigError as error:
        expect("base_url" in error.message, f"of the misspelt key bsae_url it was said: {error.message}")
    else:
        raise Failed("the misspelt key bsae_url was accepted")


@PROVIDER.rule(
    "P03",
    "The cards of its models are sane: IDs, kinds, windows and complete prices.",
    remedy="Set context_window, max_output and the rates of price in the card, or leave the whole price out.",
)
def cards(bench: ProviderBench) -> None:
    found = _cards(bench)
    faults = [fault for card in found for fault in card_faults(card)]
    names = [card.model for card in found]
    faults += [f"{name!r} is listed twice" for name in sorted({name for name in names if names.count(name) > 1})]
    expect(not faults, "; ".join(faults[:5]))


@PROVIDER.rule(
    "P04",
    "models() answers from the plugin's own data, without a request, and alike each time.",
    remedy="Ship the list with the plugin (router.upstream.cards.load_cards); ask the upstream in list_models.",
)
def cards_without_requests(bench: ProviderBench) -> None:
    expect(_cards(bench) == _cards(bench), "two calls of models() gave different lists")


@PROVIDER.rule(
    "P05",
    "The upstream's own list of models is read: cards with IDs, each of them once.",
    remedy="Give one ModelCard for each model that the upstream lists, under its own name.",
)
def upstream_list(bench: ProviderBench) -> None:
    bench.need("list_models")
    bench.script()
    with inside(bench) as hooks:
        found = list(bench.plugin.hooks["list_models"](context=hooks.context))
    names = [card.model for card in found]
    expect(names and all(names), f"the upstream lists models, and the hook gave {names}")
    expect(len(set(names)) == len(names), f"models are listed twice: {names}")


@PROVIDER.rule(
    "P06",
    "Importing it does nothing: no connection, no process, no thread, no file outside of its package; and it is quick.",
    remedy="Move the work into a hook, or to where it is first needed.",
)
def nothing_at_import(bench: ProviderBench) -> None:
    seen = run_module("router.testing.conformance.importing", {"plugin": bench.plugin.name})
    expect(not seen["deeds"], f"at import: {'; '.join(seen['deeds'][:5])}")
    expect(seen["cpu_s"] < _IMPORT_CPU_S, f"importing it took {seen['cpu_s']:.1f} s of processor time")


def card_faults(card: ModelCard) -> Iterator[str]:
    """What is wrong with a card, each fault as a phrase."""
    name = repr(card.model)
    if not card.model or card.model != card.model.strip():
        yield f"{name} is no model's ID"
    if card.kind not in (*MODALITIES, ""):
        yield f"{name} is of the kind {card.kind!r}, which is none"
    for field in ("context_window", "max_output", "image_tokens", "audio_tokens", "file_tokens"):
        value = getattr(card, field)
        if value is not None and value < 1:
            yield f"{name} has {field} = {value}"
    if card.max_output and card.context_window and card.max_output > card.context_window:
        yield f"{name} gives out {card.max_output} tokens at most, and its window is {card.context_window}"
    if card.price is not None:
        yield from _price_faults(name, card.price, card.kind)


def _price_faults(name: str, price: Price, kind: str) -> Iterator[str]:
    needed = ("input",) if kind == "embeddings" else ("input", "output") if kind in _BY_TOKENS else ()
    for rate in needed:
        if getattr(price, rate) is None:
            yield f"{name} has a price without {rate}"
    if not is_complete(price, kind or "chat") and not needed:
        yield f"{name} has a price without any rate"
    for rate in ALL_RATES:
        value = getattr(price, rate)
        if value is not None and value < 0:
            yield f"{name} has a negative price for {rate}"
    if price.cached_input is not None and price.input is not None and price.cached_input > price.input:
        yield f"{name} asks more for cached input than for other input"


def _cards(bench: ProviderBench) -> list[ModelCard]:
    models: Any = bench.plugin.hooks.get("models")
    if models is None:
        raise NotOffered("it has no models hook: every model ID is passed on")
    settings = record_of(bench.plugin, {})
    context = CallContext(bench.plugin.name, "", settings, NoTransport(), settings.timeouts)
    found = list(models(context=context))
    strangers = [type(card).__name__ for card in found if not isinstance(card, ModelCard)]
    expect(not strangers, f"models() gave {strangers[:1]} in the place of ModelCard")
    return found
