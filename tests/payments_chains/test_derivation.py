"""Addresses are those that wallets and other libraries derive from the same xpub."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from client_caches import framework_python
from derivation_oracle import BLOCK, digests
from router_plugins.chains import base58check, checksummed, from_base58check, keccak256, read_xpub
from router_plugins.evm import Evm
from router_plugins.tron import Tron

FOLDER = Path(__file__).parent
VECTORS = json.loads((FOLDER / "derivation_vectors.json").read_text(encoding="utf-8"))
METHODS = {"evm": Evm(), "tron": Tron()}


def derived(name: str, count: int) -> list[str]:
    branch = read_xpub(VECTORS[name]["xpub"]).child(0)
    return [METHODS[name].address_text(branch.child(number).account_bytes()) for number in range(count)]


@pytest.mark.parametrize(
    ("name", "count"),
    [("evm", BLOCK), pytest.param("evm", 10_000, marks=pytest.mark.slow), ("tron", 4 * BLOCK)],
)
def test_addresses_are_those_of_bip_utils_and_bip32(name: str, count: int) -> None:
    ours = derived(name, count)
    assert ours[:3] == VECTORS[name]["first"]
    assert digests(ours) == VECTORS[name]["digests"][: count // BLOCK]


def test_the_vectors_are_what_the_libraries_say() -> None:
    python = framework_python(FOLDER / "requirements-derivation.txt")
    command = [str(python), str(FOLDER / "derivation_oracle.py"), "10000"]
    said = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=100).stdout)
    for name, vectors in VECTORS.items():
        assert said[name]["xpub"] == vectors["xpub"] and said[name]["first"] == vectors["first"]
        assert said[name]["bip_utils"] == said[name]["bip32"] == vectors["digests"]


def test_the_first_addresses_of_the_best_known_mnemonic() -> None:
    evm = read_xpub(
        "xpub6Ce9NcJvTk36xtLSrJLZqE7wtgA5deCeYs7rSQtreh4cj6ByPtrg9sD7V2FNFLPnf8heNP3FGkeV9qwfzvZNSd54JoNXVsXFYSYwHsnJxqP"
    )
    tron = read_xpub(
        "xpub6BuRy7ZmkGfP2RWhoor1kWB1w9DvrtmJbFBvnC1bQ4SB5NbCHTyQYCJSXZtxDbFyHTmC7wkU2he3nYYdpZ3Vf6qUAkXSnL6RPif4BDtDEKr"
    )
    first = [key.child(0).child(0).account_bytes() for key in (evm, tron)]
    assert METHODS["evm"].address_text(first[0]) == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    assert METHODS["tron"].address_text(first[1]) == "TWer2Ygk5TEheHp3TPuYeqxmB6SsGZmaL6"


@pytest.mark.parametrize(
    "address",
    [
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
        "0xde709f2102306220921060314715629080e2fb77",
        "0x27b1fdb04752bbc536007a920d24acb045561c26",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ],
)
def test_the_vectors_of_eip_55(address: str) -> None:
    assert checksummed(bytes.fromhex(address[2:])) == address


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("00010966776006953d5567439e5e39f86a0d273bee", "16UwLL9Risc3QfPqBUvKofHmBQ7wMtjvM"),
        ("41a614f803b6fd780986a42c78ec9c7f77e6ded13c", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"),
        ("0000000000000000000000000000000000000000" + "00", "1111111111111111111114oLvT2"),
    ],
)
def test_the_vectors_of_base58check(data: str, text: str) -> None:
    assert base58check(bytes.fromhex(data)) == text
    assert from_base58check(text).hex() == data


@pytest.mark.parametrize(
    "text", ["", "1", "T", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6l"]
)
def test_base58check_that_does_not_fit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"checksum|alphabet"):
        from_base58check(text)


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
        (b"a" * 135, "34367dc248bbd832f4e3e69dfaac2f92638bd0bbd18f2912ba4ef454919cf446"),
        (b"a" * 136, "a6c4d403279fe3e0af03729caada8374b5ca54d8065329a3ebcaeb4b60aa386e"),
        (b"a" * 200, "96ea54061def936c4be90b518992fdc6f12f535068a256229aca54267b4d084d"),
    ],
)
def test_keccak_over_one_block_and_two(data: bytes, digest: str) -> None:
    assert keccak256(data).hex() == digest


@pytest.mark.parametrize("index", [-1, 2**31, 2**32])
def test_hardened_children_do_not_follow_from_a_public_key(index: int) -> None:
    with pytest.raises(ValueError, match="has children from 0 to"):
        read_xpub(VECTORS["evm"]["xpub"]).child(index)
