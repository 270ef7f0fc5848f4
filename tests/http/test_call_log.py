"""One line a request in the log: calls by what they used, refused requests by why."""

from __future__ import annotations

from pathlib import Path

import pytest
from openai import AuthenticationError, BadRequestError, NotFoundError

from router.testing import Gateway


def test_each_request_leaves_one_line_and_no_word_of_its_own(tmp_path: Path) -> None:
    with Gateway(tmp_path) as gateway:
        client = gateway.client()
        client.chat.completions.create(model="echo/echo", messages=[{"role": "user", "content": "hush"}])
        with pytest.raises(AuthenticationError):
            gateway.client(api_key="sk-canary-key").models.list()
        with pytest.raises(NotFoundError):
            client.chat.completions.create(model="echo/canary", messages=[{"role": "user", "content": "hush"}])
        with pytest.raises(BadRequestError):
            client.chat.completions.create(model="echo/echo", messages=[], user="canary")
        with pytest.raises(NotFoundError):
            client.get("/canary", cast_to=object)
        gateway.stop()
        lines = [line for line in gateway.log if isinstance(line, dict) and "event" in line]
    assert [(line["event"], line["route"], line["status"], line["error"]) for line in lines] == [
        ("call", "chat", 200, ""),
        ("refused", "/v1/models", 401, "invalid_api_key"),
        ("refused", "/v1/chat/completions", 404, "model_not_found"),
        ("refused", "/v1/chat/completions", 400, "invalid_value"),
        ("refused", "", 404, "not_found"),
    ]
    assert len({line["request_id"] for line in lines}) == 5
    assert "canary" not in str(lines) and "hush" not in str(lines)
