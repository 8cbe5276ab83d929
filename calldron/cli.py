"""The ``calldron`` command. What goes wrong is one line on standard error and an exit code, never a traceback."""

import asyncio
import os
import sys
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial, wraps
from typing import ParamSpec, TypeVar

import click
from pydantic import ValidationError
from pydantic_settings import SettingsError

from calldron.domain.errors import CalldronError

P = ParamSpec("P")
R = TypeVar("R")


def plainly(command: Callable[P, R]) -> Callable[P, R]:
    """Say expected errors in one line."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            raise click.ClickException(f"setting {name}: {first['msg']}") from None
        except SettingsError as error:  # a list or a table that is not JSON
            raise click.ClickException(f'{error}; lists are written as JSON: ["calls.example.com"]') from None
        except tomllib.TOMLDecodeError as error:
            raise click.ClickException(f"calldron.toml: {error}") from None
        except (CalldronError, OSError) as error:
            raise click.ClickException(str(error)) from None

    return wrapped


@click.group()
@click.version_option(package_name="calldron")
def main() -> None:
    """Calldron: a self-hosted auto-dialler."""


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@plainly
def serve(host: str, port: int) -> None:
    """Migrate, then run web, dialer and, while there is no real trunk, the sandbox carrier."""
    from calldron import bootstrap, supervisor

    settings = bootstrap.prepare("serve")
    if "public_url" not in settings.model_fields_set:  # the parts are told by the environment
        os.environ["CALLDRON_PUBLIC_URL"] = f"http://{host}:{port}"
    bootstrap.migrate()
    sandbox = bootstrap.ensure_sandbox_trunk(settings)
    bootstrap.check_free(settings, host, port, sandbox=sandbox)
    click.echo(f"Calldron on http://{host}:{port}/v1/, data in {settings.home.resolve()}", err=True)
    if sandbox:
        click.echo("No trunk yet: calls go to the sandbox (calldron trunk add …).", err=True)
    parts = bootstrap.parts_to_serve(host, port)
    asyncio.run(supervisor.supervise(parts, stop_within=settings.drain_seconds + supervisor.WIND_DOWN))


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@plainly
def web(host: str, port: int) -> None:
    """Only the web server: API and pages."""
    from calldron import bootstrap

    settings = bootstrap.prepare("web")
    address = bootstrap.setup_address(settings, host, port)
    if address:
        click.echo(f"Nobody can sign in yet. To set up, open {address}", err=True)
    bootstrap.serve_web(host, port)


@main.command()
@plainly
def dialer() -> None:
    """Only the dialer: places the calls."""
    from calldron import bootstrap

    settings = bootstrap.prepare("dialer")
    asyncio.run(bootstrap.run_dialer(settings))


@main.command()
@plainly
def carrier() -> None:
    """Only the sandbox carrier: a telephone network on loopback."""
    from calldron import bootstrap

    settings = bootstrap.prepare("carrier")
    asyncio.run(bootstrap.run_carrier(settings))


@main.command()
@plainly
def migrate() -> None:
    """Bring the database up to this version (serve does it by itself)."""
    from calldron import bootstrap

    bootstrap.prepare("migrate")
    bootstrap.migrate()


@main.command("move-database")
@click.argument("url", envvar="DATABASE_URL_TO", metavar="postgres://USER@HOST/NAME")
@plainly
def move_database(url: str) -> None:
    """Copy everything from SQLite to an empty PostgreSQL.

    Others on this machine can read the arguments of a command: with a password give the URL in DATABASE_URL_TO, or "-"
    to have its line read from standard input.
    """
    from calldron import bootstrap

    settings = bootstrap.prepare("cli")
    from calldron import move_database as moving

    given = sys.stdin.readline().strip() if url == "-" else url
    rows = moving.move(settings, given, partial(click.echo, err=True))
    click.echo(f"{rows:,} rows are in PostgreSQL; the SQLite file is as it was.")
    click.echo("Now set DATABASE_URL to that URL, and start. Recordings and secret_key stay in the home folder.")


@main.command()
@plainly
def doctor() -> None:
    """Look at everything that can be wrong and say what to do."""
    from calldron import bootstrap

    settings = bootstrap.prepare("doctor")
    from calldron import diagnosis

    findings = diagnosis.examine(settings)
    for finding in findings:
        click.echo(f"{'ok ' if finding.good else 'BAD'}  {finding.subject}: {finding.words}")
    if any(not finding.good for finding in findings):
        sys.exit(1)


@main.group()
def user() -> None:
    """People who use this installation."""


@user.command("add")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@plainly
def user_add(email: str, password_stdin: bool) -> None:
    """Create a user with an account of its own and print its API key, once."""
    from calldron import bootstrap

    bootstrap.prepare_database()
    from calldron.services import accounts

    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    _, key = accounts.create_user(email, password)
    click.echo(f"api key: {key}")


@user.command("administrator")
@click.argument("email")
@plainly
def user_administrator(email: str) -> None:
    """Let a user keep trunks in the cabinet; whoever did the first run may already."""
    from calldron import bootstrap

    bootstrap.prepare_database()
    from calldron.services import accounts

    accounts.make_administrator(email)
    click.echo(f"{email} is an administrator now")


@user.command("invite")
@click.argument("email")
@plainly
def user_invite(email: str) -> None:
    """Print a link by which somebody makes a user with an account of its own; it works once, for a week."""
    from calldron import bootstrap

    bootstrap.prepare_database()
    from calldron.services import invitations

    click.echo(invitations.invite_owner(email))


@user.command("totp-off")
@click.argument("email")
@plainly
def user_totp_off(email: str) -> None:
    """Ask a user for no codes at sign-in: for who lost their authenticator."""
    from calldron import bootstrap

    bootstrap.prepare_database()
    from calldron.services import one_time_codes

    one_time_codes.turn_off_of(email)
    click.echo(f"{email} signs in by password alone")


@main.group()
def key() -> None:
    """API keys."""


@key.command("reset")
@click.argument("email")
@plainly
def key_reset(email: str) -> None:
    """Make a new API key and print it, once; the old one stops working at once."""
    from calldron import bootstrap

    bootstrap.prepare_database()
    from calldron.services import accounts

    click.echo(f"api key: {accounts.reset_key(email)}")


@main.group()
def account() -> None:
    """What users are limited to."""


@account.command("show")
@click.argument("email")
@plainly
def account_show(email: str) -> None:
    """Show a user's account."""
    from calldron import bootstrap

    bootstrap.prepare_database()
    from calldron import told
    from calldron.services import accounts

    click.echo(told.of_account(accounts.of_user(email)))


@account.command("set")
@click.argument("email")
@click.option("--cps", type=float, help="Calls a second over all its batches; 0: no limit.")
@click.option("--channels", type=int, help="Legs at once over all its batches; 0: no limit.")
@plainly
def account_set(email: str, cps: float | None, channels: int | None) -> None:
    """Limit a user's account; the next call goes by it."""
    from calldron import bootstrap

    bootstrap.prepare_database()
    from calldron import told
    from calldron.services import accounts

    click.echo(told.of_account(accounts.set_limits(email, cps=cps, channels=channels)))


@main.group()
def trunk() -> None:
    """SIP trunks."""


@trunk.command("add")
@click.argument("name")
@click.argument("uri", metavar="sip:USER:PASSWORD@HOST:PORT;transport=udp")
@click.option("--cps", type=float, default=0, help="Calls a second; 0: no limit.")
@click.option("--channels", type=int, default=0, help="Legs at once; 0: no limit.")
@click.option("--caller-id", default="", help="Number shown where a batch names none.")
@click.option("--priority", type=int, default=0, help="Those of the lowest are tried first.")
@plainly
def trunk_add(name: str, uri: str, cps: float, channels: int, caller_id: str, priority: int) -> None:
    """Add a trunk."""
    from calldron import bootstrap

    bootstrap.prepare_database()
    from calldron.services import trunks

    trunks.add(name, uri, cps=cps, channels=channels, caller_id=caller_id, priority=priority)
    click.echo(f"trunk {name} added")


@trunk.command("set")
@click.argument("name")
@click.option("--cps", type=float, help="Calls a second; 0: no limit.")
@click.option("--channels", type=int, help="Legs at once; 0: no limit.")
@click.option("--caller-id", help='Number shown where a batch names none; "": none.')
@click.option("--priority", type=int, help="Those of the lowest are tried first.")
@plainly
def trunk_set(name: str, cps: float | None, channels: int | None, caller_id: str | None, priority: int | None) -> None:
    """Change a trunk's limits, caller id or priority; the next call goes by them."""
    from calldron import bootstrap

    bootstrap.prepare_database()
    from calldron import told
    from calldron.services import trunks

    row = trunks.change(name, cps=cps, channels=channels, caller_id=caller_id, priority=priority)
    click.echo(told.of_trunk(row, datetime.now(UTC)))


@trunk.command("list")
@plainly
def trunk_list() -> None:
    """List trunks in the order in which they are tried; passwords are never shown."""
    from calldron import bootstrap

    bootstrap.prepare_database()
    from calldron import told
    from calldron.services import trunks

    for row in trunks.listed():
        click.echo(told.of_trunk(row, datetime.now(UTC)))


@trunk.command("remove")
@click.argument("name")
@plainly
def trunk_remove(name: str) -> None:
    """Forget a trunk; calls that are up on it go on."""
    from calldron import bootstrap

    bootstrap.prepare_database()
    from calldron.services import trunks

    trunks.remove(name)
    click.echo(f"trunk {name} removed")


@trunk.command("test")
@click.argument("name")
@click.argument("number")
@plainly
def trunk_test(name: str, number: str) -> None:
    """Call a number over a trunk, say what happens, hang up after five seconds."""
    from calldron import bootstrap

    settings = bootstrap.prepare_database()
    from calldron import trial_call

    if not asyncio.run(trial_call.place(settings, name, number, click.echo)):
        sys.exit(1)


if __name__ == "__main__":
    main()
