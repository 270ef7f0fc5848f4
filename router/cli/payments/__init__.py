"""``router topups`` and ``router payments``: what customers pay in."""
