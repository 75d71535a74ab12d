"""The audit trail of a running opsmcp, as its files have it."""

from pathlib import Path
from typing import Any

from opsmcp_tools.audit.files import TrailFiles, replicas_in
from opsmcp_tools.audit.line import read_line
from opsmcp_tools.audit.signing import read_private_key
from opsmcp_tools.audit.verify import Report, verify
from tests.server.harness import Running, services_of


def lines_of(state: Path, event: str = "") -> list[dict[str, Any]]:
    """The lines below that state directory, of that event if one is given."""
    folder = state / "audit"
    files = (path for one in replicas_in(folder) for path in TrailFiles(folder, one).all())
    found = [read_line(line) for path in files for line in path.read_bytes().splitlines()]
    return [line for line in found if not event or line["event"] == event]


async def written(run: Running, event: str = "") -> list[dict[str, Any]]:
    """The lines of an opsmcp of this process, with those that were only noted so far."""
    calls = services_of(run).calls
    await calls.audit.begin()
    return lines_of(calls.config.state.dir, event)


def verified(state: Path) -> Report:
    """What `verify` finds of a trail that nobody writes."""
    folder = state / "audit"
    key = read_private_key(state / "audit.key", make=False).public
    return verify(TrailFiles(folder, replicas_in(folder)[0]).all(), {key.fingerprint: key})
