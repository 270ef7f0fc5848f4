"""What a dialect declares: its paths, its keys, its offers, its preset."""

from __future__ import annotations

import math
import re
import tempfile
from collections import Counter
from pathlib import Path

from router.config.file import load_settings
from router.errors import RouterError
from router.providers.profile import RESERVED, faults_of
from router.testing.conformance.base import Failed, NotOffered, expect
from router.testing.conformance.dialect.bench import DIALECT, DialectBench
from router.types.dialect import Dialect

__all__ = ["keys", "paths", "preset", "servable"]

_KEY_BITS_MIN = 128
_BITS_PER_CHARACTER = math.log2(62)
_PREFIX = re.compile(r"[A-Za-z0-9_-]{1,24}", re.ASCII)
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)+", re.ASCII)


@DIALECT.rule(
    "D01",
    "Its paths begin with '/', stand for one thing each, and none is the host's own.",
    remedy=f"Leave {', '.join(RESERVED)} to the host, and give each path to one of the *_paths alone.",
)
def paths(bench: DialectBench) -> None:
    found = {name: getattr(bench.dialect, name) for name in dir(Dialect) if name.endswith("_paths")}
    for name, these in found.items():
        expect(isinstance(these, tuple), f"{name} is no tuple, but {these!r}")
        for path in these:
            expect(isinstance(path, str) and _PATH.fullmatch(path), f"{name}: {path!r} is no path")
            expect(path not in RESERVED, f"{name}: {path!r} is the host's own path")
    counted = Counter(path for these in found.values() for path in these)
    twice = sorted(path for path, count in counted.items() if count > 1)
    expect(not twice, f"{', '.join(twice)} would stand for two things")
    expect(found["chat_paths"], "it has no path for chat completions")


@DIALECT.rule(
    "D02",
    f"Its keys have a prefix of letters, digits, '-' and '_', and hold at least {_KEY_BITS_MIN} random bits.",
    remedy="Set key_prefix to something short such as 'sk-acme-', and key_length to 22 or more.",
)
def keys(bench: DialectBench) -> None:
    prefix, length = bench.dialect.key_prefix, bench.dialect.key_length
    expect(isinstance(prefix, str) and _PREFIX.fullmatch(prefix), f"key_prefix is {prefix!r}")
    bits = length * _BITS_PER_CHARACTER
    expect(bits >= _KEY_BITS_MIN, f"key_length {length} holds {bits:.0f} bits")


@DIALECT.rule(
    "D03",
    "The host can serve it: its offers are there once each, with routes, a kind and whole prices.",
    remedy="Correct the offer, or the attribute, that is named.",
)
def servable(bench: DialectBench) -> None:
    fault = next(faults_of(bench.dialect), None)
    expect(fault is None, str(fault))


@DIALECT.rule(
    "D04",
    "Its preset is a configuration without a secret, and chooses the profile itself.",
    remedy='Write TOML as docs/configuration.md has it, with [gateway] profile = "NAME", and keys as "env:NAME".',
)
def preset(bench: DialectBench) -> None:
    if not bench.dialect.preset:
        raise NotOffered("it has no preset: the host's template is used")
    with tempfile.TemporaryDirectory(prefix="router-conformance-") as folder:
        path = Path(folder, "router.toml")
        path.write_text(bench.dialect.preset, encoding="utf-8")
        try:
            settings = load_settings(path, {})
        except RouterError as error:
            raise Failed(f"router refuses it: {error.message.replace(folder, '')}") from None
    profile = settings.gateway.profile
    expect(profile == bench.plugin.name, f"it chooses the profile {profile!r}, not {bench.plugin.name!r}")
    literal = re.search(r"^\s*\w*(?:api_key|secret|password)\s*=\s*\"(?!env:|\")", bench.dialect.preset, re.MULTILINE)
    expect(literal is None, "it has a key as plain text")
