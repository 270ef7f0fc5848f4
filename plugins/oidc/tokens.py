"""A token -> its claims, where it is good: signed by the issuer, for us, and of now."""

from __future__ import annotations

from typing import Any, Protocol

import jwt

__all__ = ["TokenRefused", "claims_of"]

_FAMILIES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
"""How an algorithm's name begins -> the kind of key that it takes."""
_WANTED = ("exp", "iss", "aud")
_TIME_MAX = 1e12


class TokenRefused(Exception):
    """The token is not good; the text says why, and quotes nothing of it."""


class _Keys(Protocol):
    def of(self, kid: str) -> jwt.PyJWK | None: ...


class _Wanted(Protocol):
    @property
    def issuer(self) -> str: ...
    @property
    def audience(self) -> tuple[str, ...]: ...
    @property
    def algorithms(self) -> tuple[str, ...]: ...
    @property
    def leeway_s(self) -> float: ...
    @property
    def longest_s(self) -> float: ...


def claims_of(token: str, keys: _Keys, wanted: _Wanted, now: float) -> dict[str, Any]:
    """The claims of a token.

    Its header says which of the issuer's keys signed it, and nothing else is taken from there: no key, no address, and
    an algorithm only if it is one of those that are allowed and fits that key.

    Args:
        now: Unix seconds.

    Raises:
        TokenRefused: it is not good.
        IssuerUnknown: the issuer's keys cannot be had.
    """
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise TokenRefused("it is no JSON Web Token") from None
    algorithm, kid = header.get("alg"), header.get("kid", "")
    if algorithm not in wanted.algorithms:
        raise TokenRefused("its algorithm is not allowed")
    if not isinstance(kid, str) or header.get("crit"):
        raise TokenRefused("its header is not understood")
    key = keys.of(kid)
    if key is None:
        raise TokenRefused("no key of the issuer's signed it")
    if key.key_type != _FAMILIES.get(algorithm[:2]) or key.public_key_use not in (None, "sig"):
        raise TokenRefused("its algorithm does not fit the key")
    options: Any = {"require": list(_WANTED), "verify_exp": False, "verify_nbf": False, "verify_iat": False}
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=[algorithm],
            audience=list(wanted.audience),
            issuer=wanted.issuer,
            options=options,
        )
    except jwt.InvalidAudienceError:
        raise TokenRefused("it is for another audience") from None
    except jwt.InvalidIssuerError:
        raise TokenRefused("it is another issuer's") from None
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise TokenRefused(f"it cannot be verified ({type(error).__name__})") from None
    _check_times(claims, wanted, now)
    return claims


def _check_times(claims: dict[str, Any], wanted: _Wanted, now: float) -> None:
    times = {name: claims[name] for name in ("exp", "nbf", "iat") if name in claims}
    numbers = (isinstance(one, int | float) and not isinstance(one, bool) for one in times.values())
    if not all(numbers) or not all(abs(one) < _TIME_MAX for one in times.values()):  # nor is one that is infinite
        raise TokenRefused("one of its times is no number")
    ends, begins, made = times["exp"], times.get("nbf", 0), times.get("iat", now)
    if not now < ends + wanted.leeway_s:
        raise TokenRefused("it has expired")
    if begins > now + wanted.leeway_s or made > now + wanted.leeway_s:
        raise TokenRefused("it is of a time that has not come")
    if ends - min(made, now) > wanted.longest_s + wanted.leeway_s:
        raise TokenRefused("it holds for longer than longest_s allows")
