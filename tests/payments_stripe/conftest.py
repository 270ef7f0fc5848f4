"""A fake of Stripe for every test, and the plugin set up for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from stripe_fake import FakeStripe
from stripe_kit import Method


@pytest.fixture
def fake() -> Iterator[FakeStripe]:
    with FakeStripe() as running:
        yield running


@pytest.fixture
def method(fake: FakeStripe) -> Method:
    return Method(fake)
