"""`opsmcp token`: personal tokens of `opsmcp serve`, made, listed, rotated and revoked.

A running server sees what is changed here within a second. A token is shown once; what is kept of
it is its hash.
"""

import json
import os
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from opsmcp_server.cli.options import Shared, shared_options
from opsmcp_server.cli.start import Failed, WrongUse, read_config
from opsmcp_server.cli.terminal import Cell, show_json, show_table, tell
from opsmcp_server.config.effective import Config
from opsmcp_server.identity.bearer import BearerUnusable, read_bearer
from opsmcp_server.identity.personal_token import (
    NAME,
    SCOPES,
    PersonalToken,
    is_personal,
    make_token,
    split_token,
)
from opsmcp_server.identity.token_files import (
    TokensUnusable,
    read_tokens,
    token_file,
    tokens_of,
    uses_file,
)
from opsmcp_server.process.local_user import local_user
from opsmcp_tools.journal.state_file import StateFileUnusable
from opsmcp_tools.model.errors import JournalUnusable
from opsmcp_tools.model.principal_id import is_id
from opsmcp_tools.model.tool import Principal
from opsmcp_tools.safe_text.characters import quote

__all__ = ["command"]

_DURATION = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_KEPT = timedelta(days=30)
"""How long an entry stays after its token was revoked or has expired, so that refusals say why."""

_MOST_NOTE = 200


def _duration(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> timedelta | None:
    """How long: 30m, 12h, 90d; None for `never`."""
    if value is None or value == "never":
        return None
    found = _DURATION.fullmatch(value)
    if found is None:
        raise click.BadParameter(f"{value!r} is no duration such as 12h or 90d, nor never")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


@click.group("token")
def command() -> None:
    """Make, list, rotate and revoke personal tokens of `opsmcp serve`."""


@command.command("create")
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
    "--expires", callback=_duration, default="90d", metavar="T", help="12h, 90d, never; 90d."
)
@click.option("--note", default="", metavar="TEXT", help="What it is for.")
@click.option(
    "--id", "owner", metavar="ID", help="The id of the same person's other login; token:NAME else."
)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write it there.")
@shared_options
def create(
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
    now = _now()
    until = now + expires if expires else None
    text, kept = make_token(who, scopes=scopes or SCOPES, now=now, expires=until, note=note)
    try:
        PersonalToken.read(kept.data())
    except ValueError as error:
        raise WrongUse(str(error).replace("an entry", "the token")) from error
    config = read_config(shared)
    with _changing(config.state.dir) as tokens:
        _audit(config, "token.created", kept)
        tokens[kept.id] = kept
    _hand_out(text, out)
    tell(f"token {kept.id} of {name}, {_until(kept)}")
    return 0


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@shared_options
def list_(shared: Shared, as_json: bool) -> int:
    """List the tokens with their last use; never a token itself."""
    config = read_config(shared)
    folder = config.state.dir
    with _understood():
        found = [*read_tokens(token_file(folder).path).values()]
        if config.auth.tokens_file is not None:
            found += read_tokens(config.auth.tokens_file).values()
        uses = uses_file(folder).read().get("uses", {})
    if as_json:
        show_json({"tokens": [_entry(token, uses) for token in found]})
        return 0
    columns = ("id", "name", "groups", "scopes", "expires", "last used", "note")
    show_table(columns, [_row(token, uses) for token in found], empty="There are no tokens.")
    return 0


@command.command("revoke")
@click.argument("number", metavar="ID")
@shared_options
def revoke(shared: Shared, number: str) -> int:
    """End a token: a running server refuses it, and ends its streams, within a second."""
    config = read_config(shared)
    with _changing(config.state.dir) as tokens:
        found = _find(tokens, number)
        _audit(config, "token.revoked", found)
        tokens[number] = replace(found, revoked=found.revoked or _now())
    tell(f"token {number} of {found.principal.name} is revoked")
    return 0


@command.command("rotate")
@click.argument("number", metavar="ID")
@click.option(
    "--overlap", callback=_duration, default="24h", metavar="T", help="How long the old one lasts."
)
@click.option(
    "--expires", callback=_duration, default="90d", metavar="T", help="12h, 90d, never; 90d."
)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write it there.")
@shared_options
def rotate(
    shared: Shared,
    number: str,
    overlap: timedelta | None,
    expires: timedelta | None,
    out: Path | None,
) -> int:
    """Make a new token with everything of an old one, which ends after the overlap."""
    now, config = _now(), read_config(shared)
    with _changing(config.state.dir) as tokens:
        old = _find(tokens, number)
        if old.revoked is not None or old.is_over(now):
            raise WrongUse(f"token {number} is over; make a new one with `opsmcp token create`")
        until = now + expires if expires else None
        text, new = make_token(
            old.principal, scopes=old.scopes, now=now, expires=until, note=old.note
        )
        _audit(config, "token.rotated", new, replaces=number)
        tokens[new.id] = new
        tokens[number] = replace(old, expires=_sooner(old.expires, now + (overlap or timedelta())))
    _hand_out(text, out)
    tell(
        f"token {new.id} of {new.principal.name}, {_until(new)}; {number} {_until(tokens[number])}"
    )
    return 0


@command.command("header")
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path),
    default=Path("~/.config/opsmcp/token"),
    metavar="FILE",
    help="Where the token is; ~/.config/opsmcp/token.",
)
def header(path: Path) -> int:
    """Print the header with the token of a file, as JSON, for a client that asks for it.

    The file must be one that only its owner reads. For `headersHelper` of Claude Code.
    """
    path = path.expanduser()
    try:
        text = read_bearer(path, private=True)
    except BearerUnusable as error:
        raise Failed(str(error)) from error
    if is_personal(text) and split_token(text) is None:
        raise Failed(f"{path} holds a personal token that was cut or changed")
    click.echo(json.dumps({"Authorization": f"Bearer {text}"}))
    return 0


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _audit(config: Config, event: str, token: PersonalToken, **more: str) -> None:
    """Write a line of the audit trail before anything is changed.

    Raises:
        Failed: It cannot be written, and has to be.
    """
    from opsmcp_server.calls.audit_trail import write_now

    of = token.principal
    details = {
        "token": token.id,
        "token_of": {"id": of.id, "name": of.name, "groups": list(of.groups)},
        "scopes": list(token.scopes),
        "expires": token.expires.isoformat() if token.expires else "never",
        **more,
    }
    try:
        write_now(config, event, Principal(local_user()), **details)
    except JournalUnusable as error:
        raise Failed(f"nothing was changed: {error}") from error


@contextmanager
def _understood() -> Generator[None]:
    try:
        yield
    except (TokensUnusable, StateFileUnusable) as error:
        raise Failed(f"the file of tokens cannot be used: {error}") from error


@contextmanager
def _changing(state_dir: Path) -> Generator[dict[str, PersonalToken]]:
    """The tokens of the state directory, for one process at a time; kept when the block ends."""
    with _understood(), token_file(state_dir).updating() as kept:
        tokens = tokens_of(kept)
        yield tokens
        dropped = _now() - _KEPT
        kept["tokens"] = [one.data() for one in tokens.values() if not _is_long_over(one, dropped)]


def _is_long_over(token: PersonalToken, before: datetime) -> bool:
    ends = [end for end in (token.revoked, token.expires) if end is not None]
    return bool(ends) and min(ends) < before


def _find(tokens: Mapping[str, PersonalToken], number: str) -> PersonalToken:
    if number not in tokens:
        raise WrongUse(f"there is no token {quote(number)}; `opsmcp token list` lists them")
    return tokens[number]


def _sooner(before: datetime | None, after: datetime) -> datetime:
    return after if before is None else min(before, after)


def _until(token: PersonalToken) -> str:
    return f"good until {token.expires:%Y-%m-%d %H:%M} UTC" if token.expires else "without an end"


def _hand_out(text: str, out: Path | None) -> None:
    if out is None:
        click.echo(text)
        return
    try:
        number = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(number, "w", encoding="ascii") as stream:
            os.fchmod(number, 0o600)
            stream.write(f"{text}\n")
    except OSError as error:
        raise Failed(
            f"{out} cannot be written: {(error.strerror or '').lower()}; the token was made, and "
            "is lost: revoke it"
        ) from error


def _entry(token: PersonalToken, uses: Mapping[str, str]) -> dict[str, Any]:
    """A token for programs: all that is kept but its hash."""
    shown = {key: value for key, value in token.data().items() if key != "hash"}
    return {**shown, "last_used": uses.get(token.id)}


def _row(token: PersonalToken, uses: Mapping[str, str]) -> tuple[Cell, ...]:
    over = token.revoked is not None or token.is_over(_now())
    last = f"{token.expires:%Y-%m-%d}" if token.expires else "never"
    return (
        Cell(token.id, "bold"),
        Cell(token.principal.name),
        Cell(",".join(token.principal.groups)),
        Cell(",".join(token.scopes)),
        Cell("revoked" if token.revoked else last, "red" if over else ""),
        Cell(uses.get(token.id, "never")),
        Cell(token.note),
    )
