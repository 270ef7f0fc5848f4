"""Operators' expressions are bounded or refused; ours find what they should, in bounded time."""

from __future__ import annotations

import re
import time

import pytest
from router_plugins.patterns.expressions import Doubtful, checked
from router_plugins.patterns.secrets import SECRETS
from router_plugins.pii import Masking, Settings
from router_plugins.pii.finding import KINDS, values_in

from router import GuardedCall, matches_in


@pytest.mark.parametrize(
    "expression",
    [
        *(r"(a+)+b", r"(a|a)*b", r"(a|ab)*c", r"a*a*b", r"(x+x+)+y", r".*foo", r"\s+$", r"([a-z]{1,10}){1,9}z"),
        *(r"(?=a+)b", r"(?:a?){20}b", r"(a*)*", r"(a)\1", r"(?P<x>a)(?P=x)", r"(?i)x", r"(a)(?(1)b|c)", r"(?>a+)b"),
        *(r"a{2000}", r"[", r"(", r"*", "", "x" * 1001, r"\b*", r"(\d+){2,}x", r"(?:(?:a|b)+c?)+d"),
        *("(?:a|)" * 20 + "x", "(?:|a)" * 20 + "x", r"(?=(?:(?:a{250}){250}){250})x", r"x(?<!(?:[ab]{250}){9})"),
    ],
)
def test_what_could_run_away_is_refused(expression: str) -> None:
    with pytest.raises(Doubtful):
        checked(expression)


@pytest.mark.parametrize(
    ("expression", "found", "not_found"),
    [
        (r"PROJ-\d+", "see PROJ-17", "PROJ-x"),
        (r"\w+@corp\.example", "to joe@corp.example", "joe@corp-example"),
        (r"internal(?: use)? only", "Internal only", "internally"),
        (r"(?:ab|cd)+ef", "abcdef", "abef!"[:3]),
        (r"[]a]+b{,}c", "]abbc", "b"),
        (r"(?<!\w)emp\d{6}(?!\d)", "emp123456", "emp1234567"),
        (r"\d{1,5}?x", "123x", "123y"),
    ],
)
def test_what_is_bounded_finds_what_it_did(expression: str, found: str, not_found: str) -> None:
    pattern = checked(expression, ignore_case=True)
    assert pattern.search(found) and not pattern.search(not_found)
    assert "*" not in pattern.pattern and "+" not in pattern.pattern.replace("+@", "")


def test_a_text_is_looked_at_in_stretches_as_a_whole() -> None:
    text = ("a" * 16380 + " key-1234 ") * 3 + "key-9"
    pattern = re.compile(r"key-\d{1,9}")
    assert [match.span() for match in matches_in(pattern, text)] == [match.span() for match in pattern.finditer(text)]
    assert [match[0] for match in matches_in(re.compile("^a|b$"), "ab")] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("key AKIAIOSFODNN7EXAMPLE.", "aws_access_key"),
        ("sk-ant-api03-" + "a1B2" * 12, "anthropic_key"),
        ("sk-proj-" + "a1B2" * 12, "openai_key"),
        ("token ghp_" + "a1" * 18, "github_token"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEpA\n-----END RSA PRIVATE KEY-----", "private_key"),
        ("postgres://app:hunter2@db.example/x", "url_password"),
        (
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
            "json_web_token",
        ),
    ],
)
def test_secrets_are_known_by_their_shapes(text: str, rule: str) -> None:
    assert [name for name, pattern in SECRETS.items() if pattern.search(text)] == [rule]


def test_words_are_no_secrets() -> None:
    text = "The task-list of sk-learn uses ghp_short, http://example.com:80/@me and AKIA."
    assert not [name for name, pattern in SECRETS.items() if pattern.search(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("mail a.b+c@x.example.com, ok", {"email": "a.b+c@x.example.com"}),
        ("DE89 3704 0044 0532 0130 00 THANKS", {"iban": "DE89 3704 0044 0532 0130 00"}),
        ("DE89370400440532013001", {}),
        ("4111 1111 1111 1111", {"card": "4111 1111 1111 1111"}),
        ("4111-1111-1111-1112", {}),
        ("+49 170 1234567", {"phone": "+49 170 1234567"}),
        ("(212) 555-1234", {"phone": "(212) 555-1234"}),
        ("192.168.3.4 and 1.2.3.4.5 and 300.1.1.1", {"ip": "192.168.3.4"}),
        ("2001:db8::1 at 12:30:45", {"ip": "2001:db8::1"}),
        ("on 01/02/2026, 2026-12-01 03:44, order 20261201", {}),
    ],
)
def test_personal_data_are_known_by_shape_and_check_digits(text: str, found: dict[str, str]) -> None:
    assert {kind: text[start:stop] for start, stop, kind in values_in(text, KINDS)} == found


@pytest.mark.parametrize("text", ["a@a.", "1 ", "+1 1", "AB12", "a-a:", "://a:", "-----BEGIN ", "eyJa.eyJ", "0123 12"])
def test_no_text_makes_them_run_away(text: str) -> None:
    whole = text * (100_000 // len(text))
    began = time.process_time()
    values_in(whole, KINDS)
    for pattern in SECRETS.values():
        assert sum(1 for _ in matches_in(pattern, whole)) >= 0
    assert time.process_time() - began < 10


def test_many_values_in_one_text_take_no_longer_each() -> None:
    call = GuardedCall("req_1", "chat", "acct_1", "key_1", "m")
    guard = Masking(Settings(kinds=("email",)))
    values = [f"u{number}@b.co" for number in range(40_000)]
    began = time.process_time()
    shown = guard.request(call, [f"[EMAIL_1] {' '.join(values)}"])
    assert shown is not None and shown[0].startswith("[EMAIL_1] [EMAIL_2] [EMAIL_3]"), "a name that is taken is left"
    restoring = guard.filter(call)
    assert restoring is not None
    assert restoring.feed(shown[0]) + restoring.flush() == f"[EMAIL_1] {' '.join(values)}"
    assert time.process_time() - began < 2.5
