"""The portal's cookies: the session's, the visitor's, and what somebody prefers."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Cookies"]

_YEAR_S = 365 * 86_400


@dataclass(frozen=True)
class Cookies:
    """How cookies are called and set.

    Attributes:
        secure: whether the portal is at an address where browsers keep secure cookies; without, the operator has
            allowed plain HTTP (``[portal] insecure_http``).
    """

    secure: bool = True

    @property
    def session(self) -> str:
        """The name of the session's."""
        return "__Host-s" if self.secure else "s"

    @property
    def visitor(self) -> str:
        """The name of that which tells the browsers of visitors apart."""
        return "__Host-v" if self.secure else "v"

    def keep(self, name: str, text: str, max_age_s: int | None = None) -> tuple[str, str]:
        """A header that sets a secret one."""
        age = f"; Max-Age={max_age_s}" if max_age_s is not None else ""
        return "Set-Cookie", f"{name}={text}; Path=/; HttpOnly; SameSite=Lax{self._secure()}{age}"

    def prefer(self, name: str, text: str) -> tuple[str, str]:
        """A header that sets one that holds no secret: a theme, a language."""
        return "Set-Cookie", f"{name}={text}; Path=/; SameSite=Lax{self._secure()}; Max-Age={_YEAR_S}"

    def forget(self, name: str) -> tuple[str, str]:
        """A header that takes one away."""
        return "Set-Cookie", f"{name}=; Path=/; HttpOnly; SameSite=Lax{self._secure()}; Max-Age=0"

    def _secure(self) -> str:
        return "; Secure" if self.secure else ""
