"""`opsmcp hosts`: the hosts of the inventory; of one, what is known, and whether it answers."""

from collections.abc import Iterator

import click

from opsmcp_pipelines.errors import NotFound
from opsmcp_pipelines.models import BadHost, Host
from opsmcp_pipelines.source import HostSource
from opsmcp_pipelines.ssh.lookup import HostLook
from opsmcp_server.calls.context import CallContext
from opsmcp_server.cli.options import Shared, shared_options
from opsmcp_server.cli.session import run_with_context
from opsmcp_server.cli.start import WrongUse
from opsmcp_server.cli.terminal import Cell, show_json, show_table
from opsmcp_server.protocol.builtin_tools import list_inventory
from opsmcp_tools.model.tool import JsonObject
from opsmcp_tools.policy.decision import Action

__all__ = ["command"]

_NOT_REACHED = 3
_HOW_TO_NAME = (
    "No host is named that ssh reaches: --hosts FILE names some, or hosts.ssh_config"
    " (OPSMCP_HOSTS_SSH_CONFIG=auto takes those of ~/.ssh/config)."
)


@click.command("hosts")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="The same as data.")
@shared_options
def command(shared: Shared, name: str | None, as_json: bool) -> int:
    """List the hosts that operations can run on; or look at one.

    The list makes no connection. Of the host NAME it is shown what ssh makes of it, and whether a
    login works now; the exit status is 3 if it does not.
    """

    async def work(context: CallContext) -> int:
        context.require(context.principal, Action.RUN, list_inventory.ROW.subject)
        if name is not None:
            return await _look(context, name, as_json=as_json)
        contents = (await context.tools.current()).catalogue.contents
        if as_json:
            hosts = [_data(host) for host in contents.hosts]
            show_json({"hosts": hosts, "withheld": [_problem(bad) for bad in contents.bad_hosts]})
            return 0
        rows = ([Cell(text) for text in _row(host)] for host in contents.hosts)
        show_table(("host", "address", "labels", "named in"), rows, empty="There are no hosts.")
        for bad in contents.bad_hosts:
            click.echo(f"withheld: {bad.reason}", err=True)
        if isinstance(context.source, HostSource) and len(contents.hosts) == 1:
            click.echo(_HOW_TO_NAME, err=True)
        return 0

    return run_with_context(shared, work, follows_runs=False)


async def _look(context: CallContext, name: str, *, as_json: bool) -> int:
    source = context.source
    if not isinstance(source, HostSource):
        raise WrongUse("Only hosts that are reached by ssh can be looked at.")
    try:
        look = await source.look_at_host(name)
    except NotFound as error:
        raise WrongUse(str(error)) from error
    facts = list(_facts(name, look))
    if as_json:
        show_json(dict(facts))
    else:
        show_table((), ([Cell(key), Cell(text)] for key, text in facts))
    return 0 if look.answers else _NOT_REACHED


def _facts(name: str, look: HostLook) -> Iterator[tuple[str, str]]:
    yield "host", name
    yield from look.settings.items()
    if look.answers:
        yield "login", f"works, {look.seconds:.2f} s"
        return
    yield "login", str(look.end.reason or look.end.state.value)
    if look.end.message:
        yield "ssh says", look.end.message.splitlines()[-1]


def _row(host: Host) -> tuple[str, str, str, str]:
    labels = [f"{key}={value}" for key, value in host.labels.items()]
    groups = [f"group={name}" for name in host.groups]
    return host.name, host.address, ", ".join(labels + groups), host.origin


def _data(host: Host) -> JsonObject:
    return {
        "name": host.name,
        "address": host.address,
        "port": host.port,
        "labels": dict(host.labels),
        "groups": list(host.groups),
        "origin": host.origin,
    }


def _problem(bad: BadHost) -> JsonObject:
    return {"name": bad.name, "reason": bad.reason}
