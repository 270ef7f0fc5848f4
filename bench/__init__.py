"""Benchmarks: this gateway beside the direct call, and beside other gateways. ``make bench``, ``make bench-peers``."""
