"""`opsmcp token list`: the tokens with their last use; never a token itself."""

from collections.abc import Mapping
from typing import Any

import click

from opsmcp_server.cli.options import Shared, shared_options
from opsmcp_server.cli.start import read_config
from opsmcp_server.cli.terminal import Cell, show_json, show_table
from opsmcp_server.cli.token.changes import now, understood
from opsmcp_server.identity.personal_token import PersonalToken
from opsmcp_server.identity.token_files import read_tokens, token_file, uses_file

__all__ = ["list_command"]


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@shared_options
def list_command(shared: Shared, as_json: bool) -> int:
    """List the tokens with their last use; never a token itself."""
    config = read_config(shared)
    folder = config.state.dir
    with understood():
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


def _entry(token: PersonalToken, uses: Mapping[str, str]) -> dict[str, Any]:
    """A token for programs: all that is kept but its hash."""
    shown = {key: value for key, value in token.data().items() if key != "hash"}
    return {**shown, "last_used": uses.get(token.id)}


def _row(token: PersonalToken, uses: Mapping[str, str]) -> tuple[Cell, ...]:
    over = token.revoked is not None or token.is_over(now())
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
