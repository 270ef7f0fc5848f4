"""Operators' pages of payments: top-ups, what methods told, and whether methods work."""
