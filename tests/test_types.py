"""Records: what shows itself and what does not, what can be changed and what cannot."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
import logging
import traceback
from typing import Any

import pytest

import router
import router.config.provider
import router.types.records
from router import Item, ProviderSettings, Secret

TEXT = "sk-canary-0123456789"
SECRET = Secret(TEXT, "env:ACME_KEY")


@pytest.mark.parametrize(
    "shown",
    [
        repr(SECRET),
        str(SECRET),
        f"{SECRET}",
        f"{SECRET!r:>40}",
        f"{SECRET:>40}",
        "%s" % SECRET,  # noqa: UP031
        "{}".format(SECRET),  # noqa: UP032
        repr([SECRET]),
        repr({"key": SECRET}),
        repr(ProviderSettings(api_key=SECRET)),
        str(dataclasses.asdict(ProviderSettings(api_key=SECRET))),
        json.dumps({"key": SECRET}, default=str),
    ],
)
def test_a_secret_does_not_show_itself(shown: str) -> None:
    assert "canary" not in shown
    assert "***" in shown


def test_what_takes_text_refuses_a_secret() -> None:
    refusing: list[Any] = [
        lambda: json.dumps(SECRET),
        lambda: "Bearer " + SECRET,  # type: ignore[operator]
        lambda: ",".join([SECRET]),  # type: ignore[list-item]
        lambda: bytes(SECRET),  # type: ignore[call-overload]
    ]
    for function in refusing:
        with pytest.raises(TypeError) as caught:
            function()
        assert "canary" not in str(caught.value)


def test_a_secret_stays_out_of_logs_and_tracebacks(caplog: pytest.LogCaptureFixture) -> None:
    def fail(secret: Secret) -> None:
        raise ValueError(f"bad key {secret}")

    try:
        fail(SECRET)
    except ValueError as error:
        logging.getLogger("router.test").exception("with %s and %r", SECRET, SECRET)
        detailed = traceback.TracebackException.from_exception(error, capture_locals=True)
    assert "canary" not in caplog.text + "".join(detailed.format())


def test_a_secret_is_revealed_compared_and_copied() -> None:
    assert SECRET.reveal() == TEXT
    assert Secret(TEXT) == SECRET and Secret("other") != SECRET and SECRET != TEXT
    assert hash(SECRET) == hash(Secret(TEXT))
    assert copy.deepcopy(SECRET).reveal() == TEXT
    assert SECRET and not Secret("", "env:UNSET")


RECORDS = [
    value
    for module in (router.types.records, router.config.provider)
    for value in vars(module).values()
    if inspect.isclass(value) and dataclasses.is_dataclass(value) and value.__module__ == module.__name__
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_records_are_immutable_and_documented(record: Any) -> None:
    assert record.__dataclass_params__.frozen
    documentation = inspect.getdoc(record) or ""
    assert documentation and not documentation.startswith(f"{record.__name__}(")


def test_bodies_and_settings_stay_out_of_reprs() -> None:
    call = router.ChatCall("req_1", "a/b", {"messages": [{"role": "user", "content": "canary"}]})
    assert "canary" not in repr(call)
    assert "canary" not in repr(Item(b'{"content": "canary"}'))


def test_an_item_is_decoded_when_asked_and_once() -> None:
    item = Item(b'{"a": 1e400}')
    assert item.json() is item.json()
    with pytest.raises(ValueError, match="Expecting"):
        Item(b"{").json()


def test_an_item_of_a_dict_is_ascii_whatever_it_holds() -> None:
    item = Item.of({"text": "é\ud800"})
    assert json.loads(item.data) == item.json() == {"text": "é\ud800"}
    assert item.data.isascii()
