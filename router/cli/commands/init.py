"""``router init``: from nothing to a gateway that can be served."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import click
import tomlkit
from tomlkit.exceptions import TOMLKitError

from router.app.installed import plugin_migrations
from router.cli.support.output import pairs
from router.cli.support.session import CommandSession, common
from router.config.operator_secret import OPERATOR_FILE
from router.errors import ConfigError
from router.money.amounts import NANO, format_nano
from router.office.accounts import create_first_account
from router.plugin_host.registry import Registry, load_plugins, nearest
from router.store.migrating import migrate
from router.store.opening import open_database

__all__ = ["init"]


_CREDIT_NANO = 5 * NANO


@dataclass(frozen=True)
class _Made:
    account: str
    currency: str
    api_key: str
    operator_secret: str


@click.command()
@click.option("--profile", default="standard", show_default=True, help="Dialect plugin that clients see.")
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path), help="Folder to set up.  [default: the one of --config]"
)
@common
def init(session: CommandSession, profile: str, folder: Path | None) -> None:
    """Write router.toml; make the database, an operator secret, a first account with a little credit, a key.

    The credit is 5 of the profile's currency. The key and the secret are shown once: only their hashes are kept. An
    existing database is kept, and brought up to date; an existing configuration is never overwritten.
    """
    config = ((folder / "router.toml") if folder else session.config).absolute()
    registry = load_plugins()
    if registry.hook(profile, "dialect") is None:
        known = [plugin.name for plugin in registry.having("dialect")]
        hint = nearest(profile, known)
        raise ConfigError(f"--profile: there is no profile {profile!r}{hint} (installed: {', '.join(known) or 'none'})")
    _claim(config)
    try:
        made = _set_up(config, profile, registry)
    except BaseException:
        config.unlink()  # so that the next try is not refused
        raise
    _answer(session, config, made)


def _claim(config: Path) -> None:
    """Make the file, empty, for its owner alone: of two that try at once, one wins."""
    try:
        config.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(config, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        if not config.exists():
            raise
        raise ConfigError(
            f"{config} exists already and is not overwritten: use it with `router serve`, make further keys with "
            "`router keys create`, or give another folder with --dir"
        ) from None


def _set_up(config: Path, profile: str, registry: Registry) -> _Made:
    document = _preset(profile, registry)
    config.write_text(tomlkit.dumps(document), encoding="utf-8")
    with CommandSession(config, False) as fresh:  # the environment may name another database than the file
        database = open_database(fresh.settings.database.url.reveal(), config.parent, create=True)
        try:
            migrate(
                database,
                plugin_migrations(registry),
                lambda plugin, error: registry.leave_out(plugin, error.message),
            )
        finally:
            database.close()
        made = create_first_account(fresh.office, fresh.actor, _CREDIT_NANO)
    secret = _operator_secret(config.with_name(OPERATOR_FILE))
    return _Made(made.account, made.currency, made.api_key, secret)


def _preset(profile: str, registry: Registry) -> tomlkit.TOMLDocument:
    """The dialect's own configuration, or the host's template."""
    text: str = registry.plugins[profile].hooks["dialect"]().preset
    if not text:
        text = resources.files("router.cli").joinpath("template.toml").read_text(encoding="utf-8")
    try:
        document = tomlkit.parse(text)
        document["gateway"]["profile"] = profile
    except (TOMLKitError, KeyError) as error:
        raise ConfigError(f"--profile: the preset of {profile!r} is no configuration: {error}") from None
    return document


def _operator_secret(path: Path) -> str:
    """A new secret; its hash replaces the one that an earlier set-up left."""
    secret = "op-" + secrets.token_urlsafe(32)
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
        file.write(hashlib.sha256(secret.encode("ascii")).hexdigest() + "\n")
    partial.replace(path)
    return secret


def _answer(session: CommandSession, config: Path, made: _Made) -> None:
    value = {
        "config": str(config),
        "account": made.account,
        "api_key": made.api_key,
        "operator_secret": made.operator_secret,
        "credit": format_nano(_CREDIT_NANO),
        "currency": made.currency,
    }
    session.show(value, pairs(value))
    session.note("\nThe API key and the operator secret are shown this once: keep them now.")
    session.note(f"Next: router serve --config {config}")
