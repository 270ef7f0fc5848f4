"""The surface ``POST /v1/responses``: requests read, answers told, and kept for the next turn."""
