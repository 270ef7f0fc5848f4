"""L02: a good plugin, but under the name of another distribution's."""

from __future__ import annotations

from router.upstream.compatible import CompatibleProvider


class Impostor(CompatibleProvider):
    default_base_url = "https://api.impostor.example/v1"


plugin = Impostor()
