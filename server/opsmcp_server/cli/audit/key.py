"""`opsmcp audit key`: the public key, to be kept where the trail is not."""

import click

from opsmcp_server.cli.options import Shared, shared_options
from opsmcp_server.cli.start import Failed, read_config

__all__ = ["key_command"]


@click.command("key")
@shared_options
def key_command(shared: Shared) -> int:
    """Print the public key (PEM) that checks the signatures of the trail. Keep it elsewhere."""
    from opsmcp_tools.audit.signing import KeyUnusable, read_private_key

    try:
        signer = read_private_key(read_config(shared).audit_key)
    except KeyUnusable as error:
        raise Failed(str(error)) from error
    click.echo(signer.public.pem, nl=False)
    return 0
