"""Its errors quote the request's headers, the key among them."""

from __future__ import annotations

from collections.abc import Mapping

from router import CallContext, UpstreamError
from router.upstream.compatible import CompatibleProvider
from router.upstream.failures import Failure


class Talkative(CompatibleProvider):
    def error(self, failure: Failure, context: CallContext, headers: Mapping[str, str] | None = None) -> UpstreamError:
        key = context.settings.api_key.reveal()
        return UpstreamError(self.kind(failure), f"the upstream answered {failure.status} to the key {key}")


plugin = Talkative()
