"""Passkeys on pages: for which site they are, and what a browser is asked."""

from __future__ import annotations

from router.office.people.passkeys import PasskeySite, has_passkey, passkey_options, passkey_site
from router.portal.web.guard import is_local
from router.portal.web.requests import PageRequest

__all__ = ["passkeys_asked", "passkeys_of"]


def passkeys_of(request: PageRequest) -> PasskeySite | None:
    """The site that browsers keep passkeys for; None where they keep none.

    It is where the operator says that the portal is; where that is whatever local name a browser uses, that name.
    """
    origin = request.site.origin or (f"{request.scheme}://{request.host}" if is_local(request.host) else "")
    return passkey_site(origin, request.site.brand.name)


def passkeys_asked(request: PageRequest) -> str:
    """What a browser is asked for by a page on which somebody proves who they are: their passkeys, in this log-in;
    empty where they have none, or none can be used here.
    """
    site, session = passkeys_of(request), request.session
    if site is None or session is None or not has_passkey(request.office, session.person.id):
        return ""
    return passkey_options(request.office, site, session.person.id, session.id)
