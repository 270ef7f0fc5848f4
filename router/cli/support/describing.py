"""The options by which a command describes a model: what it can do, and what it costs us."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from router.catalogue.facts import facts_fault, given_facts
from router.cli.support.groups import NearestChoice
from router.config.provider import CAPABILITIES, TOKENS, ModelFacts
from router.money.prices import ALL_RATES

__all__ = ["describing", "given_by"]

F = TypeVar("F", bound=Callable[..., Any])

_COUNT = click.IntRange(TOKENS["min"], TOKENS["max"])
_COUNTS = {
    "context_window": "Tokens of prompt and output together.",
    "max_output": "The largest output in tokens.",
    "image_tokens": "The most tokens of one image; the whole window if omitted.",
    "audio_tokens": "Of one piece of audio.",
    "file_tokens": "Of one file.",
}
_COSTS = {
    "input": "What the provider charges us, in USD per million tokens of input.",
    "cached_input": "Of input from its cache; that of input if omitted.",
    "cache_write": "Of input written to it; that of input if omitted.",
    "output": "Of output.",
    "reasoning": "Of reasoning; that of output if omitted.",
    "per_image": "For an image.",
    "per_second": "For a second of audio.",
    "per_million_characters": "For a million characters of speech.",
    "per_search": "For a search.",
    "per_request": "For a request, beside its tokens.",
}


def describing(command: F) -> F:
    """Give a command the options; ``given_by`` reads what they were given."""
    for name, text in reversed(_COSTS.items()):
        command = click.option(f"--cost-{name.replace('_', '-')}", metavar="AMOUNT", help=text)(command)
    text = "The day from which it is to be had no more, as 2027-01-31: customers are shown it."
    command = click.option("--retires", metavar="DATE", default="", help=text)(command)
    text = "What it can take or do besides text; repeatable."
    command = click.option("--capability", type=NearestChoice(CAPABILITIES), multiple=True, help=text)(command)
    for name, text in reversed(_COUNTS.items()):
        command = click.option(f"--{name.replace('_', '-')}", type=_COUNT, metavar="TOKENS", help=text)(command)
    return command


def given_by(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options' values as ``router.catalogue.facts`` keeps them.

    Raises:
        click.UsageError: a value is wrong; names the option.
    """
    cost = {name: text for name in ALL_RATES if (text := options[f"cost_{name}"]) is not None}
    told = {name: options[name] for name in (*_COUNTS, "retires")}
    facts = ModelFacts(capabilities=options["capability"], cost=cost, **told)
    key, fault = facts_fault(facts)
    if fault:
        option, colon, rest = fault.partition(": ")
        named = f"cost-{option.replace('_', '-')}: {rest}" if key == "cost" and colon else f"{key}: {fault}"
        raise click.UsageError(f"--{named.replace('_', '-', 1) if key != 'cost' else named}")
    return given_facts(facts)
