"""The command line `okaeri`."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from bot import logs
from bot.errors import ConfigError, FeedRejected
from bot.settings import Settings, check, load

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Okaeri")
EX_CONFIG = 78


def _settings(*, complete: bool = True) -> Settings:
    settings = load()
    if complete:
        check(settings)
    logs.set_up(settings.log_level)
    return settings


@cli.command()
def serve() -> None:
    """Run the house for real: answers Slack, watches the clock."""
    _run(_serve(_settings()))


async def _serve(settings: Settings) -> None:
    from bot.serving import serve as serving

    await serving(settings, _stop_signal())


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    return stop


@cli.command()
def playground(
    leavers: Annotated[
        Path | None, typer.Option(help="a CSV of leavers to begin with, instead of ours")
    ] = None,
    folder: Annotated[Path, typer.Option(help="where it keeps its files")] = Path("var/playground"),
) -> None:
    """Try everything on this machine: local Slack and Teams, a mailbox, and a clock that can be moved."""
    from bot.backstage import perform

    port = load().port
    logs.set_up("WARNING")

    async def act() -> None:
        await perform(folder, port, leavers, _stop_signal())

    _run(act())


@cli.command()
def migrate() -> None:
    """Bring the database up to date (`serve` does so by itself)."""
    from storage import schema

    settings = _settings(complete=False)
    schema.open_up(settings.database_url, settings.queue_url)
    typer.echo(f"database at revision {schema.revision(settings.database_url)}")


@cli.command()
def move(
    to: Annotated[
        str,
        typer.Option(prompt="Address of the server", hide_input=True, help="an empty database; else asked"),
    ],
) -> None:
    """Move everything from the file onto a server; the house must be stopped."""
    from storage.moving import move as moved

    settings = _settings(complete=False)
    counts = moved(settings.database_url, to, settings.queue_url)
    typer.echo("\n".join(f"{name}: {count}" for name, count in counts.items() if count))
    typer.echo(
        f"{sum(counts.values())} rows moved. The file opens no house any more. Now set OKAERI_DATABASE_URL to"
    )
    typer.echo("the server, and OKAERI_ERASURE_LOG to the list of erasures, which stays where it is.")
    typer.echo("The file is a backup now, and who is erased on the server stays in it. Once the server runs")
    typer.echo("and has a backup of its own, delete the file, but not the list of erasures.")


@cli.command()
def manifest(
    side: Annotated[str, typer.Option(help="company or alumni")] = "alumni",
    base_url: Annotated[str, typer.Option(help="where Slack reaches this house")] = "",
) -> None:
    """Print the Slack app manifest of one side."""
    from bot.papers import slack_manifest

    typer.echo(slack_manifest(_side(side), base_url or load().base_url), nl=False)


@cli.command("teams-package")
def teams_package(
    out: Annotated[Path, typer.Option(help="the zip to write")],
    side: Annotated[str, typer.Option(help="company or alumni")] = "alumni",
    base_url: Annotated[str, typer.Option(help="where Teams reaches this house")] = "",
    app_version: Annotated[str, typer.Option(help="higher than that of the package before")] = "1.0.0",
) -> None:
    """Write the Teams app package of one side."""
    from bot.papers import teams_package as made

    data = made(_side(side), base_url, app_version)
    try:
        out.write_bytes(data)
    except OSError:
        raise ConfigError([f"{out}: cannot be written; right: a file in a folder that exists"]) from None


def _side(side: str) -> str:
    if side not in ("company", "alumni"):
        raise ConfigError([f"--side: {side!r}; right: company or alumni"])
    return side


@cli.command("import-leavers")
def import_leavers(
    file: Annotated[Path, typer.Argument(help="a CSV file of leavers")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show the difference only")] = False,
) -> None:
    """Take a file of leavers in; bad rows are told, good ones taken."""
    from bot.papers import import_file

    settings = _settings(complete=False)
    if not file.is_file():
        raise ConfigError([f"{file}: no such file; right: a CSV file of leavers"])

    async def act() -> None:
        lines, mistakes = await import_file(settings, file, dry_run=dry_run)
        typer.echo("\n".join(lines))
        if mistakes:
            raise typer.Exit(1)

    _run(act())


policy_cli = typer.Typer(no_args_is_help=True, help="What HR decides about the network, as one document")
cli.add_typer(policy_cli, name="policy")


@policy_cli.command("export")
def policy_export() -> None:
    """Print everything that HR can decide, with what is in force."""
    from bot.papers import policy_in_force

    typer.echo(policy_in_force(_settings(complete=False)), nl=False)


@policy_cli.command("check")
def policy_check(file: Annotated[Path, typer.Argument(help="a document")]) -> None:
    """Tell every mistake in a document; nothing is saved."""
    from bot.papers import policy_checked

    _told(policy_checked(_settings(complete=False), _document(file)))


@policy_cli.command("import")
def policy_import(file: Annotated[Path, typer.Argument(help="a document")]) -> None:
    """Save a document as the next version, unless there is a mistake in it."""
    from bot.papers import import_policy

    _told(import_policy(_settings(complete=False), _document(file)))


def _document(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise ConfigError([f"{file}: cannot be read; right: a TOML file in UTF-8"]) from None


def _told(report: tuple[list[str], bool]) -> None:
    lines, good = report
    typer.echo("\n".join(lines))
    if not good:
        raise typer.Exit(1)


_MOST = 2**31 - 1
"""The highest number that a message can have."""
deliveries_cli = typer.Typer(no_args_is_help=True, help="Messages that could not be delivered")
cli.add_typer(deliveries_cli, name="deliveries")


@deliveries_cli.command("list")
def deliveries_list(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="how many at most")] = 20,
    before: Annotated[int | None, typer.Option(max=_MOST, help="those older than this number")] = None,
) -> None:
    """What was given up, newest first: nobody's name, no words."""
    from bot.deliveries import listed

    typer.echo("\n".join(listed(_settings(complete=False), limit, before)))


@deliveries_cli.command("show")
def deliveries_show(
    delivery: Annotated[int, typer.Argument(metavar="ID", max=_MOST, help="its number")],
) -> None:
    """One of them: what its reason means, and what would be right."""
    from bot.deliveries import shown

    _told(shown(_settings(complete=False), delivery))


@deliveries_cli.command("retry")
def deliveries_retry(
    ids: Annotated[
        list[int] | None, typer.Argument(metavar="[ID]...", max=_MOST, help="their numbers")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="whatever was given up")] = False,
    reason: Annotated[str, typer.Option(help="with --all: only what was given up for this")] = "",
) -> None:
    """Try again; what cannot be is told, and ends with 1."""
    from bot.deliveries import all_retried, retried

    if bool(ids) is everything or (reason and not everything):
        raise typer.BadParameter("numbers, or --all, perhaps with --reason")
    settings = _settings(complete=False)
    _told(retried(settings, ids) if ids else all_retried(settings, reason))


@deliveries_cli.command("drop")
def deliveries_drop(
    ids: Annotated[list[int], typer.Argument(metavar="ID...", max=_MOST, help="their numbers")],
) -> None:
    """Not needed any more: never sent, and gone from the lists."""
    from bot.deliveries import dropped

    _told(dropped(_settings(complete=False), ids))


@cli.command()
def doctor(
    live: Annotated[bool, typer.Option("--live", help="also ask Slack itself")] = False,
    locale: Annotated[str, typer.Option(help="ja or en")] = "",
) -> None:
    """Say what is missing or wrong, and what would be right."""
    from bot.doctor import examine, report
    from bot.papers import texts

    settings = load()
    logs.set_up("ERROR")

    async def act() -> None:
        findings = await examine(settings, live=live)
        typer.echo(report(findings, texts(settings), locale or settings.locale))
        if any(finding.ok is False for finding in findings):
            raise typer.Exit(1)

    _run(act())


@cli.command("make-key")
def make_key() -> None:
    """Print a new key ring for OKAERI_SECRET_KEY."""
    from storage.columns import Vault

    typer.echo(Vault.make())


def _run(work: Coroutine[Any, Any, None]) -> None:
    if sys.platform == "win32":  # no uvloop there
        asyncio.run(work)
    else:
        import uvloop

        uvloop.run(work)


def main() -> None:
    """Mistakes in settings: one line each and exit 78. Bugs show their trace."""
    try:
        cli()
    except ConfigError as wrong:
        print("Okaeri cannot start:", *(f"  {line}" for line in wrong.mistakes), sep="\n", file=sys.stderr)
        sys.exit(EX_CONFIG)
    except FeedRejected as why:
        from bot.papers import told

        print(told(why), file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
