"""Rows of what customers pay in: top-ups, what methods told, addresses, means, and the kinds of credit."""
