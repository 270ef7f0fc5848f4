"""Addresses from an extended public key: BIP-32 on secp256k1, keccak-256, base58check, EIP-55.

Plain Python, since everything here is public and an address is derived once: no native library is needed for it.
Nothing in this file could make a private key of anything.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from operator import itemgetter

__all__ = [
    "ExtendedKey",
    "base58check",
    "checksummed",
    "from_base58check",
    "keccak256",
    "read_xpub",
]

_P = 2**256 - 2**32 - 977
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
_DIGITS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_XPUB = bytes.fromhex("0488b21e")
_XPRV = bytes.fromhex("0488ade4")
_ACCOUNT_DEPTH = 3  # m / 44' / coin' / account'
_HARDENED = 2**31

Point = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ExtendedKey:
    """A public key from which others follow.

    Attributes:
        point: on the curve.
        chain_code: what its children are mixed with.
        depth: how far it is from the root.
    """

    point: Point
    chain_code: bytes
    depth: int

    def child(self, index: int) -> ExtendedKey:
        """The child of that index, none of the hardened ones.

        Raises:
            ValueError: the index is out of range, or one of the few (1 in 2^127) that have no child.
        """
        if not 0 <= index < _HARDENED:
            raise ValueError(f"a public key has children from 0 to {_HARDENED - 1}, none is {index}")
        data = _compressed(self.point) + index.to_bytes(4, "big")
        digest = hmac.new(self.chain_code, data, hashlib.sha512).digest()
        shift = int.from_bytes(digest[:32], "big")
        point = _added(_times_g(shift), self.point) if shift < _ORDER else None
        if point is None:
            raise ValueError(f"child {index} does not exist: take the next one")
        return ExtendedKey(point, digest[32:], self.depth + 1)

    def account_bytes(self) -> bytes:
        """The 20 bytes by which an Ethereum-like chain knows the key."""
        x, y = self.point
        return keccak256(x.to_bytes(32, "big") + y.to_bytes(32, "big"))[12:]


def read_xpub(text: str) -> ExtendedKey:
    """The key that a wallet shows as ``xpub...``.

    Raises:
        ValueError: it is none, or not of an account; what it is instead, and what to do. Of an ``xprv``, that it is
            exposed now. The key itself is not in the words.
    """
    if text[1:4] == "prv":  # xprv, and its kin of other wallets: said before anything else is looked at
        raise ValueError(
            "this is a private key, and by standing here it is exposed: move whatever its addresses hold to a wallet "
            "that was never typed in anywhere, and put the new wallet's xpub here"
        )
    data = from_base58check(text)
    if data[:4] == _XPRV:
        raise ValueError("this is a private key under another prefix: it is exposed now, and not to be used any more")
    if len(data) != 78 or data[:4] != _XPUB:
        raise ValueError("this is no xpub: a wallet shows it as 'xpub...' (a 'ypub' or 'zpub' is Bitcoin's)")
    if data[4] != _ACCOUNT_DEPTH:
        raise ValueError(
            f"this xpub is of depth {data[4]}, not {_ACCOUNT_DEPTH}: export that of the account, m/44'/coin'/0'"
        )
    return ExtendedKey(_lifted(data[45:]), data[13:45], data[4])


def base58check(data: bytes) -> str:
    """Bytes as text with a checksum, as Bitcoin and TRON write them."""
    whole = data + _twice_sha256(data)[:4]
    number, digits = int.from_bytes(whole, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        digits = _DIGITS[digit] + digits
    return "1" * (len(whole) - len(whole.lstrip(b"\0"))) + digits


def from_base58check(text: str) -> bytes:
    """The bytes behind it.

    Raises:
        ValueError: a character that is none, or a checksum that does not fit.
    """
    number = 0
    for character in text:
        digit = _DIGITS.find(character)
        if digit < 0:
            raise ValueError("not base58: it has a character that is none of its alphabet; copy it once more")
        number = number * 58 + digit
    zeros = len(text) - len(text.lstrip("1"))
    whole = b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")
    if len(whole) < 5 or _twice_sha256(whole[:-4])[:4] != whole[-4:]:
        raise ValueError("its checksum does not fit: a character is wrong or missing; copy it once more")
    return whole[:-4]


def checksummed(account: bytes) -> str:
    """An address as Ethereum's wallets show it: 0x and 40 digits whose case is a checksum (EIP-55)."""
    digits = account.hex()
    digest = keccak256(digits.encode()).hex()
    return "0x" + "".join(
        one.upper() if int(sign, 16) > 7 else one for one, sign in zip(digits, digest[:40], strict=True)
    )


def _twice_sha256(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def _compressed(point: Point) -> bytes:
    return bytes([2 + (point[1] & 1)]) + point[0].to_bytes(32, "big")


def _lifted(data: bytes) -> Point:
    """The point of a compressed key.

    Raises:
        ValueError: there is none.
    """
    x = int.from_bytes(data[1:], "big")
    square = (pow(x, 3, _P) + 7) % _P
    y = pow(square, (_P + 1) // 4, _P)
    if data[0] not in (2, 3) or x >= _P or y * y % _P != square:
        raise ValueError("its key is no point of the curve secp256k1: it was made up, or copied wrongly")
    return (x, y if y & 1 == data[0] & 1 else _P - y)


def _added(one: Point | None, other: Point | None) -> Point | None:
    """The sum of two points; None is the point at infinity."""
    if one is None or other is None:
        return one or other
    if one[0] == other[0]:
        if (one[1] + other[1]) % _P == 0:
            return None
        slope = 3 * one[0] * one[0] * pow(2 * one[1], -1, _P)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, _P)
    x = (slope * slope - one[0] - other[0]) % _P
    return (x, (slope * (one[0] - x) - one[1]) % _P)


_WINDOW = 6  # bits of a factor that are taken at once


@cache
def _windows() -> Sequence[Sequence[Point]]:
    """For each window of a factor, the generator times all that can stand there but 0."""
    rows, base = [], _G
    for _ in range(0, 256, _WINDOW):
        row = [base]
        for _ in range(2**_WINDOW - 2):
            row.append(_sum([row[-1], base]))
        rows.append(row)
        base = _sum([row[-1], base])
    return rows


def _sum(points: Iterable[Point]) -> Point:
    total: Point | None = None
    for point in points:
        total = _added(total, point)
    assert total is not None  # of multiples of the generator below its order
    return total


def _times_g(factor: int) -> Point | None:
    """The generator times a factor, in projective coordinates: one inversion in all."""
    x, y, z = 0, 1, 0
    for row in _windows():
        digit = factor & (2**_WINDOW - 1)
        factor >>= _WINDOW
        if digit:
            x, y, z = _plus(x, y, z, row[digit - 1])
    if not z:
        return None
    inverse = pow(z, -1, _P)
    square = inverse * inverse % _P
    return (x * square % _P, y * square * inverse % _P)


def _plus(x: int, y: int, z: int, other: Point) -> tuple[int, int, int]:
    """Jacobian plus affine. The two are never equal here: each window's multiple is above all of the lower ones."""
    if not z:
        return (*other, 1)
    zz = z * z % _P
    h = (other[0] * zz - x) % _P
    r = (other[1] * zz * z - y) % _P
    if not h:
        return (0, 1, 0)
    hh = h * h % _P
    hhh = h * hh % _P
    v = x * hh % _P
    sum_x = (r * r - hhh - 2 * v) % _P
    return sum_x, (r * (v - sum_x) - y * hhh) % _P, z * h % _P


_ROUND_CONSTANTS = (
    *(0x0000000000000001, 0x0000000000008082, 0x800000000000808A, 0x8000000080008000, 0x000000000000808B),
    *(0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008A, 0x0000000000000088),
    *(0x0000000080008009, 0x000000008000000A, 0x000000008000808B, 0x800000000000008B, 0x8000000000008089),
    *(0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800A, 0x800000008000000A),
    *(0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008),
)
_LANE = 2**64 - 1
_RATE = 136


def _turns() -> Sequence[tuple[int, int, int]]:
    """Rho and pi: for each lane the one it is made of, and the bits by which that is turned to the left and right."""
    made, x, y = {0: (0, 0, 64)}, 1, 0
    for number in range(24):
        source, turn = x + 5 * y, (number + 1) * (number + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
        made[x + 5 * y] = (source, turn, 64 - turn)
    return [made[lane] for lane in range(25)]


_TURNS = _turns()
_NEXT = itemgetter(*(row + (x + 1) % 5 for row in range(0, 25, 5) for x in range(5)))
_NEXT_BUT_ONE = itemgetter(*(row + (x + 2) % 5 for row in range(0, 25, 5) for x in range(5)))


def keccak256(data: bytes) -> bytes:
    """Keccak as Ethereum has it: SHA-3 before its padding was changed, which the standard library lacks."""
    padded = bytearray(data) + b"\x01" + b"\0" * (_RATE - 1 - len(data) % _RATE)
    padded[-1] |= 0x80
    lanes = [0] * 25
    for start in range(0, len(padded), _RATE):
        for lane in range(_RATE // 8):
            lanes[lane] ^= int.from_bytes(padded[start + 8 * lane : start + 8 * lane + 8], "little")
        lanes = _permuted(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


def _permuted(a: list[int]) -> list[int]:
    """24 rounds of theta, rho, pi, chi and iota."""
    for constant in _ROUND_CONSTANTS:
        c = [a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
        d = [c[x - 1] ^ ((c[x - 4] << 1 & _LANE) | c[x - 4] >> 63) for x in range(5)]
        mixed = [lane ^ one for lane, one in zip(a, d * 5, strict=True)]
        b = [(mixed[source] << left & _LANE) | mixed[source] >> right for source, left, right in _TURNS]
        a = [one ^ (~two & three) for one, two, three in zip(b, _NEXT(b), _NEXT_BUT_ONE(b), strict=True)]
        a[0] ^= constant
    return a
