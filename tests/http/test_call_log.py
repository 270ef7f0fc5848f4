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
            own = {"X-Request-ID": "trace\t7"}
            client.chat.completions.create(
                model="echo/none", messages=[{"role": "user", "content": "hush"}], extra_headers=own
            )
        with pytest.raises(BadRequestError):
            client.chat.completions.create(model="echo/echo", messages=[], user="canary")
        with pytest.raises(NotFoundError):
            client.get("/canary", cast_to=object)
        gateway.stop()
        lines = [line for line in gateway.log if isinstance(line, dict) and line.get("event") in ("call", "refused")]
    assert [(line["event"], line["route"], line["status"], line["error"]) for line in lines] == [
        ("call", "chat", 200, ""),
        ("refused", "/v1/models", 401, "invalid_api_key"),
        ("refused", "/v1/chat/completions", 404, "model_not_found"),
        ("refused", "/v1/chat/completions", 400, "invalid_value"),
        ("refused", "", 404, "not_found"),
    ]
    assert len({line["request_id"] for line in lines}) == 5
    assert "canary" not in str(lines) and "hush" not in str(lines)
    refused = lines[2]
    assert (refused["model"], refused["address"]) == ("echo/none", "127.0.0.1")
    assert refused["client_request_id"] == "trace 7" and "'echo/none' does not exist" in refused["message"]
    assert (refused["account"], refused["key"]) == (lines[0]["account"], lines[0]["key"])
    assert (lines[1]["account"], lines[1]["key"], lines[1]["model"]) == ("", "", "")
