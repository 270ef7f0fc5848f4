"""Wrappers of what providers want back: they open for whom they were made, and for nobody else."""

from __future__ import annotations

import base64
import zlib

import pytest

from router.config.provider import Secret
from router.surfaces.proofs import PREFIX, Proof, ProofSealer

PROOF = Proof("gemini", {"thinking_blocks": [{"type": "thinking", "signature": "é" * 3000}]})
KEYED = ProofSealer(Secret("a master key of some length"))
PLAIN = ProofSealer()


@pytest.mark.parametrize("sealer", [KEYED, PLAIN])
@pytest.mark.parametrize("proof", [PROOF, Proof("deepseek", {})])
def test_what_was_wrapped_comes_back(sealer: ProofSealer, proof: Proof) -> None:
    text = sealer.seal(proof, "acme")
    assert text.startswith(PREFIX)
    assert text.isascii()
    assert sealer.open(text, "acme") == proof


def test_under_a_master_key_nothing_can_be_read_and_no_two_are_alike() -> None:
    first, second = KEYED.seal(PROOF, "acme"), KEYED.seal(PROOF, "acme")
    assert first != second
    raw = base64.urlsafe_b64decode(first.removeprefix(PREFIX))
    with pytest.raises(zlib.error):
        zlib.decompress(raw[1:])
    assert b"gemini" not in raw


@pytest.mark.parametrize(
    ("text", "account"),
    [
        (KEYED.seal(PROOF, "acme"), "other"),
        (ProofSealer(Secret("another master key, as long")).seal(PROOF, "acme"), "acme"),
        (PLAIN.seal(PROOF, "acme"), "acme"),
        (KEYED.seal(PROOF, "acme")[:-8], "acme"),
        (KEYED.seal(PROOF, "acme").removeprefix(PREFIX), "acme"),
        (PREFIX, "acme"),
        (PREFIX + "AAAA", "acme"),
        (PREFIX + "not base64!", "acme"),
        ("EqQBCgIYAhIkc2lnbmVk", "acme"),
        ("", "acme"),
    ],
)
def test_what_is_not_ours_or_not_theirs_is_nothing(text: str, account: str) -> None:
    assert KEYED.open(text, account) is None


@pytest.mark.parametrize("value", [b"[]", b"{}", b'["a"]', b"[1, {}]", b'["a", []]', b"[" * 100_000, b"x"])
def test_what_anybody_can_write_is_looked_at(value: bytes) -> None:
    text = PREFIX + base64.urlsafe_b64encode(b"\0" + zlib.compress(value)).decode("ascii")
    assert PLAIN.open(text, "acme") is None


def test_a_wrapper_that_blows_up_is_nothing() -> None:
    bomb = zlib.compress(b'["a", {"b": "' + b"0" * (5 * 1024 * 1024) + b'"}]')
    assert PLAIN.open(PREFIX + base64.urlsafe_b64encode(b"\0" + bomb).decode("ascii"), "acme") is None
