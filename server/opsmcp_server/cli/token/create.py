"""`opsmcp token create`: a token for somebody, shown once."""

from datetime import timedelta
from pathlib import Path

import click

from opsmcp_server.cli.options import Shared, shared_options
from opsmcp_server.cli.start import WrongUse, read_config
from opsmcp_server.cli.terminal import tell
from opsmcp_server.cli.token.changes import (
    audited,
    changing,
    hand_out,
    lasts,
    now,
    read_duration,
)
from opsmcp_server.identity.personal_token import NAME, SCOPES, PersonalToken, make_token
from opsmcp_tools.model.principal_id import is_id
from opsmcp_tools.model.tool import Principal
from opsmcp_tools.safe_text.characters import quote

__all__ = ["create_command"]

_MOST_NOTE = 200


@click.command("create")
@click.argument("name")
@click.option("--group", "groups", metavar="G", multiple=True, help="A group for policy; repeats.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    help="What it is good for; both when not given.",
)
@click.option(
    "--expires", callback=read_duration, default="90d", metavar="T", help="12h, 90d, never; 90d."
)
@click.option("--note", default="", metavar="TEXT", help="What it is for.")
@click.option(
    "--id", "owner", metavar="ID", help="The id of the same person's other login; token:NAME else."
)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write it there.")
@shared_options
def create_command(
    shared: Shared,
    name: str,
    groups: tuple[str, ...],
    scopes: tuple[str, ...],
    expires: timedelta | None,
    note: str,
    owner: str | None,
    out: Path | None,
) -> int:
    """Make a token, and print it: this once, and never again."""
    if not NAME.fullmatch(name):
        raise WrongUse(
            f"{quote(name)} is no name for a token: at most 63 lower-case letters, digits, '.', "
            "'_' and '-', and not token"
        )
    if owner is not None and (not is_id(owner) or owner.startswith("local:")):
        raise WrongUse(f"{quote(owner)} is no id such as 'https://ISSUER SUBJECT' or token:anna")
    if len(note) > _MOST_NOTE or not note.isprintable():
        raise WrongUse(f"--note is one line of at most {_MOST_NOTE} characters")
    who = Principal(name, groups, owner or f"token:{name}")
    at = now()
    until = at + expires if expires else None
    text, kept = make_token(who, scopes=scopes or SCOPES, now=at, expires=until, note=note)
    try:
        PersonalToken.read(kept.data())
    except ValueError as error:
        raise WrongUse(str(error).replace("an entry", "the token")) from error
    config = read_config(shared)
    with changing(config.state.dir) as tokens:
        audited(config, "token.created", kept)
        tokens[kept.id] = kept
    hand_out(text, out)
    tell(f"token {kept.id} of {name}, {lasts(kept)}")
    return 0
