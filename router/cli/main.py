"""The root of the command line: its commands by name, and what becomes of every error."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import click

from router import __version__
from router.cli.support.groups import CommandEntry, LazyCommands
from router.cli.support.output import hand_over_stdout, one_document, print_error, print_json
from router.errors import RouterError

__all__ = ["Root", "cli"]

_INTERRUPTED = 130  # what shells report of a program that was ended by Ctrl-C


class Root(LazyCommands):
    """``router``. Exit status: 0 success, 1 refused or failed, 2 wrong usage; 130 after Ctrl-C."""

    places: ClassVar[Mapping[str, CommandEntry]] = {
        "accounts": CommandEntry("router.cli.commands.accounts:accounts", "Accounts: what owns keys."),
        "alerts": CommandEntry("router.cli.commands.alerts:alerts", "What wants an operator."),
        "audit": CommandEntry("router.cli.commands.audit:audit", "What operators did."),
        "chat": CommandEntry("router.cli.commands.chat:chat", "Send one prompt to a running gateway."),
        "config": CommandEntry("router.cli.commands.config:config", "Show, check and change the configuration."),
        "credits": CommandEntry(
            "router.cli.commands.credits:credits", "Money that accounts are given, and their statements."
        ),
        "db": CommandEntry("router.cli.commands.db:db", "The database: migrations, backups, copies."),
        "doctor": CommandEntry("router.cli.commands.doctor:doctor", "Check the whole set-up and say what to do."),
        "fallbacks": CommandEntry("router.cli.commands.fallbacks:fallbacks", "Which models are tried when one fails."),
        "health": CommandEntry("router.cli.processes.health:health", "Whether the running gateway answers."),
        "import": CommandEntry(
            "router.cli.commands.importing:import_", "Customers and models of another gateway, taken over."
        ),
        "init": CommandEntry(
            "router.cli.commands.init:init", "Make a configuration, a database, an account and a key."
        ),
        "keys": CommandEntry("router.cli.commands.keys:keys", "API keys."),
        "limits": CommandEntry("router.cli.commands.limits:limits", "Limits of keys, accounts and tiers."),
        "ledger": CommandEntry(
            "router.cli.commands.ledger:ledger", "Whether transfers, holds and balances hold together."
        ),
        "mail": CommandEntry("router.cli.people.mail:mail", "What the portal sends, and whether it arrives."),
        "models": CommandEntry("router.cli.commands.models:models", "The catalogue: models and aliases."),
        "nodes": CommandEntry("router.cli.commands.nodes:nodes", "The machines that serve one database."),
        "payments": CommandEntry("router.cli.payments.methods:payments", "How customers pay in, and whether it works."),
        "people": CommandEntry("router.cli.people.group:people", "Who logs into the portal, and sign-ups."),
        "plugins": CommandEntry("router.cli.commands.plugins:plugins", "Installed plugins."),
        "portal": CommandEntry("router.cli.processes.portal:portal", "Serve the portal alone."),
        "providers": CommandEntry("router.cli.commands.providers:providers", "Configured providers."),
        "reload": CommandEntry(
            "router.cli.processes.running:reload", "Have the running gateway read its configuration again."
        ),
        "routes": CommandEntry("router.cli.commands.routes:routes", "How model IDs are understood."),
        "serve": CommandEntry("router.cli.processes.serve:serve", "Serve the gateway."),
        "stop": CommandEntry("router.cli.processes.running:stop", "End the running gateway."),
        "topups": CommandEntry("router.cli.payments.topups:topups", "What customers paid in."),
        "usage": CommandEntry("router.cli.commands.usage:usage", "Finished calls and their tokens."),
        "webhooks": CommandEntry("router.cli.payments.webhooks:webhooks", "Events that are sent to URLs."),
    }

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> NoReturn:  # type: ignore[override]
        """Run a command line and exit with its status."""
        sys.exit(self._status(list(sys.argv[1:] if args is None else args)))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A name that is not ours may be a plugin's command: only then are the plugins loaded."""
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            if ctx.params.get("remote"):
                self.refuse(ctx, args[0])
            from router.cli.subcommands.plugin_commands import add_plugin_commands

            add_plugin_commands(self, ctx, ctx.params["config"])
            hand_over_stdout()
        return super().resolve_command(ctx, args)

    def _status(self, arguments: list[str]) -> int:
        as_json = "--json" in arguments[: arguments.index("--")] if "--" in arguments else "--json" in arguments
        if not as_json or {"-h", "--help", "--version"} & set(arguments):
            return self._outcome(arguments, as_json)
        with one_document():
            return self._outcome(arguments, as_json)

    def _outcome(self, arguments: list[str], as_json: bool) -> int:
        try:
            _refuse_undecodable(arguments)
            status = super().main(arguments, "router", standalone_mode=False)
            sys.stdout.flush()
            return status if isinstance(status, int) else 0
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message(), err=True)
            if as_json:
                print_json({"error": {"message": "a command is missing", "code": "usage"}})
            return error.exit_code
        except click.ClickException as error:
            return _usage(error, as_json)
        except RouterError as error:
            print_error(error.in_full, error.code, as_json=as_json)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the last flush would fail again
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            print_error(f"{place}{error.strerror or error}", "os_error", as_json=as_json)
        except (click.Abort, KeyboardInterrupt):
            print_error("interrupted", "interrupted", as_json=as_json)
            return _INTERRUPTED
        except Exception:  # a fault of ours or of a plugin's command: its traceback is for stderr
            if as_json:
                print_json({"error": {"message": "the command failed: see stderr", "code": "internal"}})
            raise
        return 1


def _usage(error: click.ClickException, as_json: bool) -> int:
    from router.cli.support.wording import in_our_words

    context = error.ctx if isinstance(error, click.UsageError) else None
    print_error(in_our_words(error), "usage" if context or error.exit_code == 2 else "failed", as_json=as_json)
    if context is not None:
        click.echo(f"{context.get_usage()}\nTry '{context.command_path} --help'.", err=True)
    return error.exit_code


def _refuse_undecodable(arguments: list[str]) -> None:
    """Bytes that are not UTF-8 arrive as lone surrogates, which no database and no JSON takes."""
    for position, argument in enumerate(arguments, 1):
        if any("\ud800" <= letter <= "\udfff" for letter in argument):
            raise click.UsageError(f"argument {position} is not UTF-8 text")


@click.group(
    cls=Root,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Commands that plugins add are found by name; `router plugins list` shows the plugins.",
)
@click.version_option(__version__, prog_name="router", message="%(prog)s %(version)s")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    default="router.toml",
    envvar="ROUTER_CONFIG",
    show_default=True,
    show_envvar=True,
    help="Configuration file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else on stdout.")
@click.option(
    "--remote",
    metavar="URL",
    help="Run the command at the gateway there, with an operator's key in ROUTER_REMOTE_KEY (or a file: docs/cli.md).",
)
def cli(config: Path, as_json: bool, remote: str | None) -> None:
    """A self-hosted LLM gateway: OpenAI's API in front, providers as plugins behind.

    --config, --json and --remote may also follow the command's name.
    """
