"""L03: it raises while it is imported."""

from __future__ import annotations

import json

PRICES = json.loads("{not: json}")
plugin = object()
