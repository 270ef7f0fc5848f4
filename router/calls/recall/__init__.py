"""Calls whose answer a cache has: found before they are admitted, then served as any other, but by nobody upstream."""
