"""`opsmcp token rotate`: a new token in the place of an old one, which ends a little later."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import click

from opsmcp_server.cli.options import Shared, shared_options
from opsmcp_server.cli.start import WrongUse, read_config
from opsmcp_server.cli.terminal import tell
from opsmcp_server.cli.token.changes import (
    audited,
    changing,
    find,
    hand_out,
    lasts,
    now,
    read_duration,
)
from opsmcp_server.identity.personal_token import make_token

__all__ = ["rotate_command"]


@click.command("rotate")
@click.argument("number", metavar="ID")
@click.option(
    "--overlap",
    callback=read_duration,
    default="24h",
    metavar="T",
    help="How long the old one lasts.",
)
@click.option(
    "--expires", callback=read_duration, default="90d", metavar="T", help="12h, 90d, never; 90d."
)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write it there.")
@shared_options
def rotate_command(
    shared: Shared,
    number: str,
    overlap: timedelta | None,
    expires: timedelta | None,
    out: Path | None,
) -> int:
    """Make a new token with everything of an old one, which ends after the overlap."""
    at, config = now(), read_config(shared)
    with changing(config.state.dir) as tokens:
        old = find(tokens, number)
        if old.revoked is not None or old.is_over(at):
            raise WrongUse(f"token {number} is over; make a new one with `opsmcp token create`")
        until = at + expires if expires else None
        text, new = make_token(
            old.principal, scopes=old.scopes, now=at, expires=until, note=old.note
        )
        audited(config, "token.rotated", new, replaces=number)
        tokens[new.id] = new
        tokens[number] = replace(old, expires=_sooner(old.expires, at + (overlap or timedelta())))
    hand_out(text, out)
    tell(f"token {new.id} of {new.principal.name}, {lasts(new)}; {number} {lasts(tokens[number])}")
    return 0


def _sooner(before: datetime | None, after: datetime) -> datetime:
    return after if before is None else min(before, after)
