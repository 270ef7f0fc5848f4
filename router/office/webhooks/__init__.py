"""Webhooks: who is told of events by HTTP, what, and how it is brought there."""
