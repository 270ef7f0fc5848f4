"""The operators' API and the command line that asks it: what is done here and what is done there come to the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
from management_wire import BODY, Tenant, exact, request

from router.cli.main import cli
from router.http.management.operators import EXPORT, OPERATORS_BASE
from router.office.operations.table import OPERATIONS
from router.testing import Gateway

pytestmark = pytest.mark.slow

ALONE = {"chat", "config", "db", "doctor", "health", "import", "init", "plugins", "portal", "reload", "serve", "stop"}
"""Commands that work on this machine alone."""

ALONE_TOO = {"providers add", "providers remove"}


class Ran(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder without any configuration."""
    return tmp_path_factory.mktemp("elsewhere")


def run(folder: Path, environ: dict[str, str], *arguments: str, stdin: str = "") -> Ran:
    command = [sys.executable, "-m", "router", *arguments]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROUTER_")}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**kept, **environ},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


class There:
    """Runs commands from a machine that has nothing but a URL and a key, and on the gateway's own."""

    def __init__(self, gateway: Gateway, home: Path, key: str) -> None:
        self._gateway, self._home, self._key = gateway, home, key

    def remote(self, *arguments: str, key: str | None = None, stdin: str = "") -> Ran:
        environ = {"ROUTER_REMOTE_KEY": self._key if key is None else key}
        return run(self._home, environ, "--remote", self._gateway.url, *arguments, stdin=stdin)

    def local(self, *arguments: str) -> Ran:
        environ = {"ROUTER_CONFIG": str(self._gateway.config_path), "ROUTER_MASTER_KEY": "m" * 44}
        return run(self._gateway.folder, environ, *arguments)


@pytest.fixture(scope="module")
def there(gateway: Gateway, home: Path, operator: str) -> There:
    return There(gateway, home, operator)


def ask(gateway: Gateway, name: str, values: Any = None, *, key: str, once: str = "") -> Any:
    """What the operation of that name answers; ``once`` is its ``Idempotency-Key``."""
    headers = {"Idempotency-Key": once} if once else {}
    one = OPERATIONS[name]
    path = f"{OPERATORS_BASE}{one.path}"
    if one.method == "GET":
        return request(gateway, "GET", path, key=key, query=values)
    return request(gateway, "POST", path, values or {}, key=key, headers=headers)


READS = [
    ["accounts", "list"],
    ["accounts", "show", "ours"],
    ["keys", "list", "--account", "ours"],
    ["keys", "show", "ours-app"],
    ["limits", "list"],
    ["limits", "list", "--account", "ours"],
    ["limits", "tiers"],
    ["models", "list", "--provider", "echo"],
    ["models", "show", "openai/gpt-4o"],
    ["models", "price", "openai/gpt-4o"],
    ["models", "price", "openai/gpt-4o", "--estimate", "--prompt-tokens", "1000"],
    ["fallbacks", "list"],
    ["routes", "explain", "openai/gpt-4o", "--key", "ours-app"],
    ["credits", "statement", "ours", "--limit", "2"],
    ["usage", "show", "--account", "ours", "--status", "2xx", "--since", "2026-01-31"],
    ["usage", "hours", "--by", "model", "--by", "account"],
    ["usage", "margin"],
    ["usage", "prune", "--before", "2026-01-31"],
    ["audit", "show", "--limit", "3", "--action", "keys"],
    ["providers", "list"],
    ["people", "list"],
    ["people", "switches"],
    ["people", "blocks"],
    ["people", "signups"],
    ["mail", "list"],
    ["topups", "list", "--account", "ours"],
    ["topups", "list", "--open", "--state", "paid", "--limit", "1"],
    ["payments", "list"],
    ["payments", "check"],
    ["payments", "facts", "--state", "booked"],
    ["payments", "events"],
    ["usage", "export", "--account", "ours"],
]


@pytest.mark.parametrize("command", READS, ids=" ".join)
def test_what_is_shown_there_is_what_is_shown_here(there: There, ours: Tenant, command: list[str]) -> None:
    away, here = there.remote(*command), there.local(*command)
    assert (away.status, away.out) == (here.status, here.out)
    assert away.status == 0, away.err
    if command[1] != "export":
        away, here = there.remote(*command, "--json"), there.local(*command, "--json")
        assert (away.status, away.value) == (here.status, here.value)


REFUSED = [
    ["accounts", "show", "nobody"],
    ["keys", "create", "--account", "acct_none"],
    ["keys", "limit", "ours-ops", "--budget", "5"],
    ["credits", "adjust", "ours", "-1000", "--reason", "too much"],
    ["models", "disable", "openai/gpt-4p"],
    ["models", "remove", "echo/echo"],
    ["models", "sync", "echo"],
    ["limits", "set", "--account", "ours", "--clear"],
    ["fallbacks", "clear", "openai/gpt-4o"],
    ["providers", "test", "opemai"],
    ["routes", "explain", "nowhere/at-all"],
    ["usage", "show", "req_none"],
    ["usage", "export", "--account", "acct_none"],
    ["people", "show", "nobody@example.com"],
    ["topups", "list", "--account", "acct_none"],
    ["topups", "list", "--before", "top_none"],
    ["topups", "show", "top_none"],
    ["topups", "close", "top_none"],
    ["topups", "settle", "top_none", "--reference", "r", "--reason", "x"],
    ["topups", "refund", "top_none", "1", "--reason", "x"],
    ["topups", "refund", "top_none", "many", "--reason", "x"],
    ["topups", "record", "ours", "0", "--reference", "r", "--reason", "x"],
    ["ledger", "verify", "--against", "nobody"],
    ["ledger", "verify", "--since", "2026-01-31"],
    ["keys", "create"],
    ["accounts", "suspend"],
    ["credits", "grant", "ours", "many", "--reason", "x"],
]


@pytest.mark.parametrize("command", REFUSED, ids=" ".join)
def test_a_refusal_there_is_the_refusal_here(there: There, ours: Tenant, command: list[str]) -> None:
    away, here = there.remote(*command), there.local(*command)
    assert away == here
    assert away.status in (1, 2) and away.err.startswith("error: ")


def test_an_account_is_run_from_elsewhere(there: There, gateway: Gateway, operator: str) -> None:
    account = there.remote("accounts", "create", "Far Away", "--json").value["id"]
    granted = there.remote("credits", "grant", "Far Away", "2.50", "--reason", "a start", "--json").value
    assert (granted["account"], granted["balance"]) == (account, "2.5")
    made = there.remote("keys", "create", "--account", "Far Away", "--budget", "1", "--period", "day", "--json")
    key = made.value
    assert (key["budget"], key["budget_period"]) == ("1", "day") and "shown this once" in made.err
    assert request(gateway, "POST", "/v1/chat/completions", BODY, key=key["api_key"]).status == 200
    limited = there.remote(
        "keys", "limit", key["id"], "--budget", "none", "--expires", "never", "--any-model", "--json"
    )
    assert limited.value["budget"] is limited.value["expires_at"] is None
    assert there.remote("limits", "set", "--account", "Far Away", "--concurrent", "0").status == 0
    assert request(gateway, "POST", "/v1/chat/completions", BODY, key=key["api_key"]).status == 429
    assert there.remote("limits", "set", "--account", "Far Away", "--concurrent", "none").status == 0
    assert there.remote("accounts", "suspend", "Far Away", "--now").out == f"account {account} is suspended\n"
    assert request(gateway, "POST", "/v1/chat/completions", BODY, key=key["api_key"]).status == 401
    id = exact(request(gateway, "GET", "/v1/key", key=operator))["data"]["id"]
    entries = there.local("audit", "show", "--subject", account, "--json").value
    assert len(entries) >= 6
    assert {(one["kind"], one["actor"], one["address"]) for one in entries} == {("key", id, "127.0.0.1")}


def test_models_and_prices_are_set_from_elsewhere(there: There) -> None:
    described = ["--context-window", "8000", "--capability", "tools", "--cost-input", "0.5", "--cost-output", "1.5"]
    assert there.remote("models", "add", "mine", "--provider", "echo", "--model", "echo", *described).status == 0
    priced = there.remote("models", "price", "mine", "--input", "2.50", "--output", "10", "--json").value
    assert priced["price"] == {"input": "2.5", "output": "10"}
    shown = there.local("models", "show", "mine", "--json").value
    assert (shown["context_window"], shown["capabilities"], shown["cost"]["input"]) == (8000, ["tools"], "0.5")
    assert there.remote("models", "alias", "quick", "mine").out == "quick means mine now.\n"
    assert there.remote("fallbacks", "set", "mine", "openai/gpt-4o").status == 0
    assert there.remote("fallbacks", "clear", "mine").status == 0
    assert there.remote("models", "price", "mine", "--remove").status == 0
    gone = there.remote("models", "remove", "mine")
    assert "the alias quick leads nowhere now" in gone.err
    assert there.remote("models", "alias", "quick", "--remove").status == 0


def test_people_and_mails_are_managed_from_elsewhere(there: There) -> None:
    assert there.remote("people", "block", "domain", "spam.example", "--reason", "spam").status == 0
    assert [one["value"] for one in there.local("people", "blocks", "--json").value] == ["spam.example"]
    assert there.remote("people", "unblock", "domain", "spam.example").status == 0
    assert there.remote("people", "switch", "topup", "off", "--reason", "a fault").status == 0
    states = {one["name"]: one["state"] for one in there.local("people", "switches", "--json").value}
    assert states["topup"] == "off"
    link = there.remote("people", "operator", "ada@example.com", "--json").value["link"]
    assert link.rpartition("/")[2] not in there.local("audit", "show", "--json").out
    assert there.remote("mail", "test", "ada@example.com").status == 0
    mails = there.remote("mail", "list", "--to", "ada@example.com", "--json").value
    assert len(mails) == 1
    assert there.remote("mail", "bounced", mails[0]["id"], "--reason", "no such mailbox").status == 0
    shown = there.local("mail", "list", "--json").value
    assert [one["status"] for one in shown if one["id"] == mails[0]["id"]] == ["bounced"]
    told = {one["action"]: one["kind"] for one in there.local("audit", "show", "--json").value}
    actions = ("signups block", "signups unblock", "signups switch", "operators make", "mail test", "mail bounced")
    assert {told[one] for one in actions} == {"key"}


def test_the_ledger_is_verified_from_elsewhere(there: There) -> None:
    away, here = (run("ledger", "verify", "--json") for run in (there.remote, there.local))
    assert away.status == here.status == 0
    names = [[check["name"] for check in one.value["checks"]] for one in (away, here)]
    assert names[0] == names[1] and away.value["ok"] is True


def test_a_payment_is_recorded_and_given_back_from_elsewhere(there: There, gateway: Gateway, operator: str) -> None:
    account = there.remote("accounts", "create", "Pays By Bank", "--json").value["id"]
    told = ["--reference", "wire-1", "--reason", "a wire", "--json"]
    made = there.remote("topups", "record", "Pays By Bank", "12.50", *told).value
    assert (made["account"], made["state"], made["credit"]) == (account, "paid", "12.50")
    twice = there.remote("topups", "record", account, "12.50", *told)
    assert (twice.status, twice.value["error"]["code"]) == (1, "reference_used")
    given = there.remote("topups", "refund", made["id"], "2.25", "--reason", "too much", "--json").value
    assert (given["topup"], given["amount"].partition(" ")[0], given["state"]) == (made["id"], "2.25", "done")
    values = {"topup": made["id"], "amount": "10.250000001", "reason": "more than is left"}
    unnamed = ask(gateway, "topups refund", values, key=operator)
    assert (unnamed.status, json.loads(unnamed.body)["error"]["code"]) == (400, "idempotency_key_required")
    above = ask(gateway, "topups refund", values, key=operator, once="above")
    assert (above.status, json.loads(above.body)["error"]["code"]) == (400, "refund_above_payment")
    rest = exact(
        ask(gateway, "topups refund", {"topup": made["id"], "reason": "all of it"}, key=operator, once="rest")
    )["data"]
    assert rest["amount"].partition(" ")[0] == "10.25"
    for words in (["topups", "show", made["id"]], ["topups", "list", "--account", account]):
        assert there.remote(*words) == there.local(*words)
    shown = there.remote("topups", "show", made["id"], "--json").value
    assert (shown["state"], len(shown["facts"]), len(shown["refunds"])) == ("refunded", 3, 2)
    assert there.remote("accounts", "show", account, "--json").value["balance"] == "0"
    unknown = ask(gateway, "topups list", {"state": "lost"}, key=operator)
    assert (unknown.status, json.loads(unknown.body)["error"]["param"]) == (400, "state")


def test_long_work_tells_of_its_progress_line_by_line(gateway: Gateway, operator: str) -> None:
    answer = ask(gateway, "ledger verify", key=operator)
    assert answer.headers["content-type"] == "application/x-ndjson"
    *steps, last = map(json.loads, answer.body.splitlines())
    assert last["data"]["ok"] is True
    assert [one["progress"] for one in steps if one["progress"]][:1] == ["checking debits_equal_credits"]


def test_a_providers_key_is_stored_from_elsewhere_and_never_shown(there: There) -> None:
    stored = there.remote("providers", "set-key", "deepseek", stdin="sk-deepseek-very-secret\n")
    assert stored.status == 0, stored.err
    told = there.remote("providers", "list", "--json").out + there.remote("audit", "show", "--json").out
    assert "very-secret" not in told + stored.out + stored.err
    assert there.remote("providers", "set-key", "deepseek", "--remove").status == 0
    tested = there.remote("providers", "test", "openai", "--model", "gpt-4o", "--json")
    assert (tested.status, tested.value["ok"]) == (0, True)


def test_keys_of_customers_run_nothing(gateway: Gateway, ours: Tenant) -> None:
    for one in OPERATIONS.values():
        for key, status in ((ours.key, 403), (ours.management, 403), ("", 401)):
            assert ask(gateway, one.name, key=key).status == status, one.name
    for key, status in ((ours.key, 403), (ours.management, 403), ("", 401)):
        assert request(gateway, "GET", EXPORT, key=key).status == status


def test_every_operation_refuses_what_it_does_not_know(gateway: Gateway, operator: str) -> None:
    for one in OPERATIONS.values():
        answer = ask(gateway, one.name, {"nonsense": "1"}, key=operator)
        assert answer.status == 400, (one.name, answer.body)
        error = json.loads(answer.body)["error"]
        assert error["code"] == "invalid_value" and "nonsense" in error["message"], one.name
        required = [name for name, field in one.form().fields.items() if field.required]
        if required:
            missing = json.loads(ask(gateway, one.name, key=operator).body)["error"]
            assert missing["param"] in required and "is missing" in missing["message"], one.name


def test_every_command_of_an_operation_takes_remote_and_no_other(there: There) -> None:
    alone = set()
    for words, command in commands(click.Context(cli, info_name="router"), cli, ()):
        takes = any("--remote" in option.opts for option in command.params)
        if not takes:
            alone.add(" ".join(words))
    assert {words for words in alone if words.partition(" ")[0] not in ALONE} == ALONE_TOO


def commands(context: click.Context, group: click.Group, words: tuple[str, ...]) -> Iterator[tuple[Any, click.Command]]:
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        if isinstance(found, click.Group):
            yield from commands(context, found, (*words, name))
        else:
            yield (*words, name), found


def test_what_works_on_this_machine_alone_says_so(there: There) -> None:
    for command in (["config", "show"], ["doctor"], ["providers", "add", "acme"], ["db", "migrate"]):
        done = there.remote(*command)
        assert done.status == 2 and "leave --remote out" in done.err, done.err


WRONG = {
    "in clear": ("http://gateway.example", "sk-x", 2, "over http:// the operator's key could be read"),
    "in clear, by number": ("http://10.0.0.1:8080", "sk-x", 2, "write https://HOST"),
    "a name and a password": ("https://ops:hunter2@gateway.example", "sk-x", 2, "is not a gateway's URL"),
    "a key that is none": ("http://127.0.0.1:9", "sk-\u0436", 2, "holds characters that no key has"),
    "no key": ("http://127.0.0.1:9", "", 2, "ROUTER_REMOTE_KEY"),
    "no URL": ("gateway.example", "sk-x", 2, "is not a gateway's URL"),
    "nobody": ("http://127.0.0.1:9", "sk-x", 1, "no answer from the gateway at 127.0.0.1:9"),
}


@pytest.mark.parametrize("what", WRONG)
def test_where_nobody_can_be_asked_that_is_said(home: Path, what: str) -> None:
    url, key, status, said = WRONG[what]
    done = run(home, {"ROUTER_REMOTE_KEY": key}, "--remote", url, "accounts", "list")
    assert (done.status, done.out) == (status, "") and said in done.err
    assert "hunter2" not in done.err and "sk-x" not in done.err


def test_the_key_may_be_in_a_file(there: There, gateway: Gateway, home: Path, operator: str) -> None:
    file = home / "operator.key"
    file.write_text(f"{operator}\n", encoding="ascii")
    asked = ("--remote", gateway.url, "accounts", "list")
    done = run(home, {"ROUTER_REMOTE_KEY_FILE": str(file)}, *asked)
    assert (done.status, done.out) == (0, there.local("accounts", "list").out)
    file.write_bytes(b"\xff\xfe")
    for name, said in ((str(file), "it is not text"), ("missing.key", "No such file"), (str(home), "Is a directory")):
        done = run(home, {"ROUTER_REMOTE_KEY_FILE": name}, *asked)
        assert done.status == 2 and "ROUTER_REMOTE_KEY_FILE" in done.err and said in done.err, done.err


def test_a_key_that_may_not_is_told_so(there: There, ours: Tenant) -> None:
    refused = there.remote("accounts", "list", key=ours.management)
    assert refused.status == 1 and "operators' keys alone" in refused.err
    unknown = there.remote("accounts", "list", "--json", key="sk-nonsense")
    assert (unknown.status, unknown.value["error"]["code"]) == (1, "invalid_api_key")


def test_the_configurations_word_is_no_fault_of_the_gateways(gateway: Gateway, operator: str) -> None:
    gateway_wide = ask(
        gateway,
        "credits grant",
        {"account": "ours", "amount": "1", "reason": "x", "currency": "ZZZ"},
        key=operator,
        once="currency",
    )
    assert gateway_wide.status == 400
    assert json.loads(gateway_wide.body)["error"]["code"] == "wrong_currency"
