"""The portal as its pages see it: the office, its look, its cookies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from router.config.tls import local_trust
from router.office.people.rules.credit import free_credit_of
from router.portal.web.brand import Brand
from router.portal.web.cookies import Cookies
from router.portal.web.examples import Example, call_examples, example_model
from router.portal.web.gateway import GatewayCaller, gateway_url
from router.portal.web.rendering import Renderer
from router.types.keys import Key

if TYPE_CHECKING:
    from router.app.assembly import Assembly
    from router.config.portal import PortalSettings
    from router.office.office import Office

__all__ = ["PortalParts"]

_ANYBODY = Key("", "", "")


@dataclass
class PortalParts:
    """One portal.

    Attributes:
        assembly: the gateway's parts, without providers' secrets.
        brand: how it looks.
        renderer: of its templates.
        cookies: how they are set.
        origin: from which forms are taken; empty where that is whatever local name a browser uses.
        menu: entries of plugins: (title, path, audience).
        keyed: whether this process knows providers' secrets, and so can call them.
    """

    assembly: Assembly
    brand: Brand
    renderer: Renderer
    cookies: Cookies
    origin: str
    menu: tuple[tuple[str, str, str], ...] = ()
    keyed: bool = False

    @property
    def office(self) -> Office:
        """What all pages go through."""
        return self.assembly.office

    @property
    def settings(self) -> PortalSettings:
        """``[portal]``."""
        return self.assembly.settings.portal

    @property
    def insecure(self) -> bool:
        """Whether log-ins go over plain HTTP, by the operator's leave."""
        return self.settings.insecure_http

    @cached_property
    def free_credit_nano(self) -> int:
        """What a verified sign-up is given."""
        return free_credit_of(self.office).amount_nano

    @cached_property
    def gateway(self) -> GatewayCaller:
        """What the playground calls."""
        settings = self.assembly.settings
        return GatewayCaller(gateway_url(settings), None if settings.portal.upstream_url else local_trust(settings))

    @property
    def example_model(self) -> str:
        """A chat model that everybody can call, for examples."""
        return example_model(self.assembly.lister.served(_ANYBODY)) or "provider/model"

    def examples(self, key: str = "") -> Sequence[Example]:
        """The first call by curl, Python and Node."""
        return call_examples(self.brand, self.example_model, key)

    def close(self) -> None:
        """Close what is open to the gateway."""
        if "gateway" in self.__dict__:
            self.gateway.close()
