"""How the tokens of the state directory are changed: audited first, whole, and one at a time."""

import os
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from opsmcp_server.cli.start import Failed, WrongUse
from opsmcp_server.config.effective import Config
from opsmcp_server.identity.personal_token import PersonalToken
from opsmcp_server.identity.token_files import TokensUnusable, token_file, tokens_of
from opsmcp_server.process.local_user import local_user
from opsmcp_tools.journal.state_file import StateFileUnusable
from opsmcp_tools.model.errors import JournalUnusable
from opsmcp_tools.model.tool import Principal
from opsmcp_tools.safe_text.characters import quote

__all__ = [
    "audited",
    "changing",
    "find",
    "hand_out",
    "lasts",
    "now",
    "read_duration",
    "understood",
]

_DURATION = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_KEPT = timedelta(days=30)
"""How long an entry stays after its token was revoked or has expired, so that refusals say why."""


def read_duration(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> timedelta | None:
    """How long: 30m, 12h, 90d; None for `never`."""
    if value is None or value == "never":
        return None
    found = _DURATION.fullmatch(value)
    if found is None:
        raise click.BadParameter(f"{value!r} is no duration such as 12h or 90d, nor never")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def now() -> datetime:
    """The time, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def audited(config: Config, event: str, token: PersonalToken, **more: str) -> None:
    """Write a line of the audit trail before anything is changed.

    Raises:
        Failed: It cannot be written, and has to be.
    """
    from opsmcp_server.calls.audit_trail import write_now

    details = {
        "token": token.id,
        "scopes": list(token.scopes),
        "expires": token.expires.isoformat() if token.expires else "never",
        **more,
    }
    try:
        write_now(config, event, Principal(local_user()), token.principal, **details)
    except JournalUnusable as error:
        raise Failed(f"nothing was changed: {error}") from error


@contextmanager
def understood() -> Generator[None]:
    """Read files of tokens.

    Raises:
        Failed: One of them cannot be read.
    """
    try:
        yield
    except (TokensUnusable, StateFileUnusable) as error:
        raise Failed(f"the file of tokens cannot be used: {error}") from error


@contextmanager
def changing(state_dir: Path) -> Generator[dict[str, PersonalToken]]:
    """The tokens of the state directory, for one process at a time; kept when the block ends."""
    with understood(), token_file(state_dir).updating() as kept:
        tokens = tokens_of(kept)
        yield tokens
        dropped = now() - _KEPT
        kept["tokens"] = [one.data() for one in tokens.values() if not _is_long_over(one, dropped)]


def _is_long_over(token: PersonalToken, before: datetime) -> bool:
    ends = [end for end in (token.revoked, token.expires) if end is not None]
    return bool(ends) and min(ends) < before


def find(tokens: Mapping[str, PersonalToken], number: str) -> PersonalToken:
    """The token of that id.

    Raises:
        WrongUse: There is none.
    """
    if number not in tokens:
        raise WrongUse(f"there is no token {quote(number)}; `opsmcp token list` lists them")
    return tokens[number]


def lasts(token: PersonalToken) -> str:
    """Until when it is good, as people say it."""
    return f"good until {token.expires:%Y-%m-%d %H:%M} UTC" if token.expires else "without an end"


def hand_out(text: str, out: Path | None) -> None:
    """Print a token, or write it to a file that only its owner reads.

    Raises:
        Failed: That file cannot be written.
    """
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
