"""The options that every command has, and the settings that they stand for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import wraps
from math import nan
from pathlib import Path
from typing import Any, cast

import click

from opsmcp_tools.safe_text.timestamps import parse_timestamp

__all__ = ["Seconds", "Shared", "Timestamp", "shared_options"]

_MOST_SECONDS = 7 * 86_400


class Seconds(click.ParamType[float]):
    """A number of seconds up to a week; `nan` and `inf` are numbers to Python, and no time."""

    name = "seconds"

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number.

        Raises:
            click.BadParameter: It is none, or out of bounds.
        """
        try:
            seconds = float(value)
        except ValueError:
            seconds = nan
        if not 0 <= seconds <= _MOST_SECONDS:
            self.fail(f"{value!r} is no number of seconds from 0 to {_MOST_SECONDS}", param, ctx)
        return seconds


class Timestamp(click.ParamType[datetime]):
    """A time such as `2h` (ago) or `2026-11-23T09:30`, in the zone of this machine."""

    name = "time"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """The time.

        Raises:
            click.BadParameter: It is none; the message says what is.
        """
        if isinstance(value, datetime):
            return value
        try:
            return parse_timestamp(value, datetime.now().astimezone())
        except ValueError as error:
            self.fail(str(error), param, ctx)


_OPTIONS = (
    click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Settings file, in place of a trusted opsmcp.yaml here, or of your own.",
    ),
    click.option(
        "--manifests",
        multiple=True,
        metavar="DIR",
        help="Directory of Ops manifests for the embedded engine; may be repeated.",
    ),
    click.option(
        "--hosts",
        multiple=True,
        metavar="FILE",
        help="Hosts that the embedded engine reaches by ssh, of Ops or Ansible; may be repeated.",
    ),
    click.option(
        "--server",
        metavar="URL",
        help="Address of the Ops server; empty for the embedded engine.",
    ),
    click.option("--namespace", metavar="NAMES", help="Namespaces in Ops, separated by commas."),
    click.option(
        "--read-only",
        is_flag=True,
        default=None,
        help="List and call nothing that changes something.",
    ),
    click.option("-v", "--verbose", is_flag=True, help="Log more, on stderr."),
)

_FLAGS: Mapping[str, str] = {
    "--manifests": "embedded.manifests",
    "--hosts": "hosts.files",
    "--server": "ops.server",
    "--namespace": "ops.namespace",
    "--read-only": "policy.read_only",
}
"""Which of them stand for settings."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What the shared options say: the settings file, settings by name, and how much to log."""

    file: Path | None = None
    flags: dict[str, object] = field(default_factory=dict[str, object])
    verbose: bool = False

    def words(self, cwd: Path | None = None) -> list[str]:
        """The options as they are written, for a command that is to be given again.

        Their paths count from `cwd`, for a command that may be given elsewhere.
        """
        folder = cwd or Path()
        options: list[str] = [] if self.file is None else ["--config", str(folder / self.file)]
        for flag, key in _FLAGS.items():
            value = self.flags.get(key)
            if value is True:
                options.append(flag)
            elif isinstance(value, tuple):
                for one in cast("tuple[str, ...]", value):
                    options += [flag, one if one.startswith("~") else str(folder / one)]
            elif value is not None:
                options += [flag, str(value)]
        return options

    def with_flags(self, **more: object) -> "Shared":
        """The same with further settings; `server_port` stands for `server.port`."""
        named = {name.replace("_", ".", 1): value for name, value in more.items()}
        return replace(self, flags=self.flags | named)


def shared_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give `command` the shared options; it receives them as one `Shared`, its first argument."""

    @wraps(command)
    def collected(
        *,
        config_file: Path | None,
        manifests: tuple[str, ...],
        hosts: tuple[str, ...],
        server: str | None,
        namespace: str | None,
        read_only: bool | None,
        verbose: bool,
        **own: Any,
    ) -> int:
        before = click.get_current_context().find_root().params.get("verbose", False)
        options = (manifests, hosts, server, namespace, read_only)
        flags = dict[str, object](zip(_FLAGS.values(), options, strict=True))
        return command(Shared(config_file, flags, verbose or bool(before)), **own)

    for option in reversed(_OPTIONS):
        option(collected)
    return collected
