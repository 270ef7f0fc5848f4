"""Secrets by the shapes that their makers gave them; each repeat is bounded, and none meets one of its own kind."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["SECRETS"]


def _word(shape: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z0-9_-])(?:{shape})(?![A-Za-z0-9])")


SECRETS: Mapping[str, re.Pattern[str]] = {
    "private_key": re.compile(
        r"-----BEGIN (?:[A-Z]{2,9} ){0,2}PRIVATE KEY(?: BLOCK)?-----[^-]{0,1900}(?:-----END [A-Z ]{0,40}-----)?"
    ),
    "aws_access_key": _word(r"(?:AKIA|ASIA)[A-Z2-7]{16}"),
    "anthropic_key": _word(r"sk-ant-[A-Za-z0-9_-]{20,200}"),
    "openai_key": _word(r"sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,300}|sk-[A-Za-z0-9]{32,64}"),
    "openrouter_key": _word(r"sk-or-v1-[0-9a-f]{64}"),
    "google_api_key": _word(r"AIza[A-Za-z0-9_-]{35}"),
    "github_token": _word(r"gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}"),
    "gitlab_token": _word(r"gl(?:pat|dt|rt|cbt)-[A-Za-z0-9_-]{20,64}"),
    "slack_token": _word(r"xox[abeoprs]-[A-Za-z0-9-]{10,250}|xapp-[A-Za-z0-9-]{10,250}"),
    "stripe_key": _word(r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,120}"),
    "npm_token": _word(r"npm_[A-Za-z0-9]{36}"),
    "pypi_token": _word(r"pypi-[A-Za-z0-9_-]{50,250}"),
    "huggingface_token": _word(r"hf_[A-Za-z0-9]{30,64}"),
    "sendgrid_key": _word(r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    "telegram_token": _word(r"\d{8,10}:AA[A-Za-z0-9_-]{33}"),
    "json_web_token": _word(r"eyJ[A-Za-z0-9_-]{10,500}\.eyJ[A-Za-z0-9_-]{10,1000}\.[A-Za-z0-9_-]{10,400}"),
    "url_password": re.compile(r"[a-z][a-z0-9+]{1,20}://[^\s:/@]{1,64}:[^\s:/@]{3,128}@[A-Za-z0-9]"),
}
"""Rule -> its expression."""
