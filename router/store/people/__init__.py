"""Rows of people: who logs in, what they belong to, what was sent to them, what was decided about them."""
