"""Anthropic's Messages API as a surface: ``POST /v1/messages``, its count of tokens, and its shape of errors."""
