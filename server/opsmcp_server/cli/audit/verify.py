"""`opsmcp audit verify`: whether the trail is as it was written, else the first bad line."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from opsmcp_server.cli.audit.unreadable import unreadable
from opsmcp_server.cli.options import Shared, shared_options
from opsmcp_server.cli.start import Failed, WrongUse, read_config
from opsmcp_server.cli.terminal import tell
from opsmcp_server.config.effective import Config
from opsmcp_tools.audit.files import TrailFiles, replicas_in
from opsmcp_tools.safe_text.characters import quote

if TYPE_CHECKING:
    from opsmcp_tools.audit.signing import PublicKey
    from opsmcp_tools.audit.verify import Report

__all__ = ["verify_command"]

_CHECKPOINT = re.compile(r"([1-9][0-9]{0,17}):([0-9a-f]{64})")


def _checkpoint(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> tuple[int, str] | None:
    found = _CHECKPOINT.fullmatch(value) if value else None
    if value and found is None:
        raise click.BadParameter(f"{value!r} is not of the form NUMBER:HASH")
    return (int(found[1]), found[2]) if found else None


@click.command("verify")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE ...]")
@click.option(
    "--key",
    "key_files",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="The public key, kept elsewhere (`opsmcp audit key`); repeats.",
)
@click.option(
    "--checkpoint",
    callback=_checkpoint,
    metavar="N:HASH",
    help="A checkpoint that has to be there, as the log or a copy has it.",
)
@shared_options
def verify_command(
    shared: Shared,
    files: tuple[Path, ...],
    key_files: tuple[Path, ...],
    checkpoint: tuple[int, str] | None,
) -> int:
    """Check the audit trail: all of it, or the files of one trail in their order.

    Exit status 0 means that every line is as it was written; 1 that one is not, and says which is
    the first.
    """
    config = read_config(shared)
    keys = _keys(config, key_files)
    if files:
        return _show(_verify(files, keys, checkpoint, None), own_key=not key_files)
    folder = config.audit_dir
    trails = _trails(config)
    if not trails:
        if checkpoint is not None:
            raise Failed(f"there is no audit trail in {folder}, and one has to be there")
        click.echo(f"There is no audit trail in {folder}.")
        return 0
    status = 0
    for trail, paths in trails:
        alone = len(trails) == 1
        own = checkpoint if alone or trail.replica == config.audit.replica_name() else None
        report = _verify(paths, keys, own, trail)
        status |= _show(report, own_key=not key_files, of="" if alone else trail.replica)
    return status


def _trails(config: Config) -> list[tuple[TrailFiles, list[Path]]]:
    """Each trail of these settings, with its files."""
    folder = config.audit_dir
    try:
        trails = [TrailFiles(folder, replica) for replica in replicas_in(folder)]
        return [(trail, trail.all()) for trail in trails]
    except OSError as error:
        raise unreadable(config, error) from error


def _keys(config: Config, files: Sequence[Path]) -> "Mapping[str, PublicKey]":
    from opsmcp_tools.audit.signing import KeyUnusable, read_private_key, read_public_key

    try:
        if files:
            found = [read_public_key(path) for path in files]
        elif config.audit_key.exists():
            found = [read_private_key(config.audit_key, make=False).public]
        else:
            found = []
    except KeyUnusable as error:
        raise WrongUse(str(error)) from error
    return {key.fingerprint: key for key in found}


def _verify(
    files: Sequence[Path],
    keys: "Mapping[str, PublicKey]",
    checkpoint: tuple[int, str] | None,
    trail: TrailFiles | None,
) -> "Report":
    from opsmcp_tools.audit.verify import verify

    try:
        return verify(
            files,
            keys,
            is_all=trail is not None,
            is_written=trail is not None and trail.is_written(),
            expected=checkpoint,
        )
    except OSError as error:
        where = quote(str(error.filename or files[0]))
        raise Failed(f"{where} cannot be read: {(error.strerror or '').lower()}") from error


def _show(report: "Report", *, own_key: bool, of: str = "") -> int:
    """Say what was found; the exit status."""
    name = f"{of}: " if of else ""
    if report.problem is not None:
        tell(f"opsmcp: {name}{report.problem}")
        return 1
    click.echo(
        f"{name}{report.lines:,} lines, number {report.first_seq:,} to {report.last_seq:,}, from "
        f"{report.first_time} to {report.last_time}: every line is as it was written"
    )
    _show_notes(report, own_key=own_key)
    return 0


def _show_notes(report: "Report", *, own_key: bool) -> None:
    if report.checkpoint_seq:
        click.echo(f"last checkpoint {report.checkpoint_seq}:{report.checkpoint_hash}")
    if report.unsigned:
        click.echo(f"{report.unsigned} lines behind it are not signed yet: it is being written")
    if report.torn:
        click.echo(f"an end was mended, after a kill or a cut, at {', '.join(report.torn[:20])}")
    if report.back:
        click.echo(f"the clock went back at {report.back}")
    if not report.signed:
        click.echo("signatures were not checked: there is no key")
    elif own_key:
        click.echo(
            "the key was taken from where the trail is written: whoever holds it could have "
            "written all anew; keep the public key elsewhere (opsmcp audit key), and give it as "
            "--key"
        )
