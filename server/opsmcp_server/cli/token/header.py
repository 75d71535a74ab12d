"""`opsmcp token header`: the header with the token of a file, for a client that asks for it."""

import json
from pathlib import Path

import click

from opsmcp_server.cli.start import Failed
from opsmcp_server.identity.bearer import BearerUnusable, read_bearer
from opsmcp_server.identity.personal_token import is_personal, split_token

__all__ = ["header_command"]


@click.command("header")
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path),
    default=Path("~/.config/opsmcp/token"),
    metavar="FILE",
    help="Where the token is; ~/.config/opsmcp/token.",
)
def header_command(path: Path) -> int:
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
