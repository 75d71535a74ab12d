"""`opsmcp trust`: what the settings file of a directory would bring, and that it may.

The command says yes to exactly what it showed: the file is read once, and what was read is trusted.
"""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, cast

import click

import opsmcp_pipelines
from opsmcp_pipelines.models import OperationKey, OperationKind
from opsmcp_pipelines.untyped import mapping_of
from opsmcp_server.cli.start import Failed, WrongUse, working_directory
from opsmcp_server.cli.terminal import Cell, require_agreement, show_table, show_text
from opsmcp_server.config.effective import Config
from opsmcp_server.config.environment import OLDER_NAMES, environment_name, process_environment
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.files.named_files import digests_of, manifests_in, texts_of
from opsmcp_server.config.files.paths import absolute
from opsmcp_server.config.files.safe_reading import UnsafeFile, sha256
from opsmcp_server.config.files.settings_file import FILE_NAME, SettingsFile, read_found
from opsmcp_server.config.files.trust import Trusted, TrustFile, open_trust
from opsmcp_server.config.load import settings_of
from opsmcp_server.config.people import token_of
from opsmcp_server.config.schema import RawSetting
from opsmcp_tools.arguments.bound_variables import PRINCIPAL
from opsmcp_tools.safe_text.characters import quote, show_hidden

__all__ = ["command"]

_LONGEST_SHOWN = 10_000
"""Characters of one thing that a person can be expected to look at."""

_SENT: Mapping[str, tuple[str, str]] = {
    "ops.server": ("runs the operations", "ops.token"),
    "openai.base": ("is sent questions and results", "openai.key"),
    "copilot.mcp": ("brings tools to the chat", "copilot.token"),
}
"""Settings with addresses: what they are for, and the secret that they are sent."""


_REPLACES: Mapping[OperationKind, str] = {
    OperationKind.PIPELINE: "replaces the bundled pipelines",
    OperationKind.TASK: "replaces the bundled tasks that the pipelines of these names run",
}


class _Row(NamedTuple):
    setting: str
    does: str
    value: str
    grave: bool = False


@click.command("trust")
@click.argument("file", required=False, type=click.Path(path_type=Path), metavar="[FILE]")
@click.option("--list", "as_list", is_flag=True, help="What is trusted, and what of it changed.")
@click.option("--remove", is_flag=True, help="Trust FILE no more.")
@click.option("--yes", is_flag=True, help="Trust without asking, after it was shown.")
def command(file: Path | None, as_list: bool, remove: bool, yes: bool) -> int:
    """Show what the opsmcp.yaml of a directory would bring; trust it.

    FILE is the one of this directory if none is given. Programs, manifests, addresses and policy
    that it would bring are shown, then the person at the terminal is asked. What is trusted is the
    file as it is now, with the manifests and other files that it names: when one of them changes,
    it is ignored until it is trusted again.

    Exit status 0 means that it is trusted, 1 that it is not: the answer was no, or there was no
    terminal to ask on.
    """
    if as_list and (file is not None or remove):
        raise click.UsageError("--list takes neither a FILE nor --remove")
    if yes and (as_list or remove):
        raise click.UsageError("--yes is for trusting a file, not for --list or --remove")
    environ = process_environment()
    try:
        trusted = open_trust(environ)
        if as_list:
            return _list(trusted, environ)
        path = _path_of(file)
        return _remove(trusted, path) if remove else _trust(trusted, path, environ, agreed=yes)
    except ConfigError as error:
        raise WrongUse(str(error)) from error


def _path_of(raw: Path | None) -> Path:
    """The file that is meant, by the path under which it is found from its own directory."""
    path = working_directory() / (raw or FILE_NAME)
    try:
        path = path / FILE_NAME if path.is_dir() else path
        folder = path.parent.resolve()
    except OSError as error:
        raise WrongUse(f"{quote(str(raw), 200)}: {error.strerror}") from error
    if path.name != FILE_NAME:
        raise WrongUse(
            f"only files that are called {FILE_NAME} are looked for; to use "
            f"{quote(str(raw), 200)}, name it with --config"
        )
    return folder / FILE_NAME


def _trust(trusted: TrustFile, path: Path, environ: Mapping[str, str], *, agreed: bool) -> int:
    file, now = _look_at(path, environ)
    before = trusted.read().get(str(path))
    changes = list(before.differences(now)) if before else []
    if before and not changes:
        show_text(f"{show_hidden(str(path))} is trusted, and is as it was at {before.at}.")
    else:
        _say_changes(path, changes)
    _show(file, environ)
    if before and not changes:
        return 0
    if not agreed:
        require_agreement("Trust it?", "nothing was trusted", _command("--yes", path))
    trusted.add(path, now)
    show_text(f"Trusted, with {_count(now)}. To take it back: {_command('--remove', path)}")
    return 0


def _look_at(path: Path, environ: Mapping[str, str]) -> tuple[SettingsFile, Trusted]:
    try:
        file = read_found(path)
    except FileNotFoundError as error:
        raise ConfigError(f"there is no file {quote(str(path), 300)}") from error
    except UnsafeFile as error:
        raise ConfigError(f"{quote(str(path), 300)} cannot be trusted: it {error}") from error
    raw, _ = settings_of(file, environ)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return file, Trusted(sha256(file.data), digests_of(raw, environ), at)


def _say_changes(path: Path, changes: Sequence[str]) -> None:
    shown = show_hidden(str(path))
    if not changes:
        show_text(f"{shown} is not trusted yet. It would bring:")
        return
    show_text(f"{shown} is not as it was when it was trusted:")
    for change in changes:
        show_text(f"  {show_hidden(change)}")
    show_text("It would bring now:")


def _show(file: SettingsFile, environ: Mapping[str, str]) -> None:
    raw, config = settings_of(file, environ)
    rows = sorted(_rows(raw, config, environ), key=lambda row: not row.grave)
    for row in rows:
        if len(row.value) > _LONGEST_SHOWN:
            raise ConfigError(f"{row.setting} is too long to be looked at, so it is not trusted")
    show_table(
        ("setting", "does", "value"),
        [
            (Cell(row.setting, "bold"), Cell(row.does, "red" if row.grave else ""), Cell(row.value))
            for row in rows
        ],
        widest=2 * _LONGEST_SHOWN,
        empty="nothing: it holds no settings",
    )


def _rows(raw: Sequence[RawSetting], config: Config, environ: Mapping[str, str]) -> Iterator[_Row]:
    shown = {entry.setting: entry.value for entry in config.entries()}
    for item in raw:
        if item.key.startswith("bind."):
            yield _bound(item, environ)
        elif item.key.startswith("people."):
            yield _Row(item.key, "may sign in to decide on requests", "", grave=True)
            yield _bound(token_of(item), environ)
        elif item.key in ("policy.rules", "policy.groups"):
            yield from _policy(item)
        elif item.key == "embedded.manifests":
            yield from _manifests(item, environ, config.ops.namespace[0])
        elif item.key in _SENT:
            does, secret = _SENT[item.key]
            yield _Row(item.key, f"{does}{_sent(secret, environ)}", shown[item.key], grave=True)
        elif item.key == "state.dir":
            yield _Row(item.key, "keeps runs, requests, approvals and keys there", shown[item.key])
        else:
            yield _Row(item.key, "", shown[item.key])


def _bound(item: RawSetting, environ: Mapping[str, str]) -> _Row:
    value = mapping_of(item.value)
    if words := texts_of(value.get("command", [])):
        where = f"runs at each start, in {show_hidden(str(item.base))}"
        return _Row(item.key, where, show_hidden(shlex.join(words)), grave=True)
    if names := texts_of(value.get("file", [])):
        path = show_hidden(str(absolute(names[0], item, environ)))
        return _Row(item.key, "is read from a file at each start", path, grave=True)
    if names := texts_of(value.get("env", [])):
        return _Row(item.key, "is taken from your environment", show_hidden(names[0]), grave=True)
    text = value.get("value", item.value)
    open_to_all = text == PRINCIPAL or value.get("secret") is False
    return _Row(item.key, "gives a value", show_hidden(str(text)) if open_to_all else "(hidden)")


def _policy(item: RawSetting) -> Iterator[_Row]:
    if item.key == "policy.groups":
        yield _Row(item.key, "names groups of people", _as_json(item.value), grave=True)
        return
    for number, rule in enumerate(cast("list[object]", item.value)):
        name = f"{item.key}[{number}]"
        yield _Row(name, "decides what may be done", _as_json(rule), grave=True)


def _as_json(value: object) -> str:
    return show_hidden(json.dumps(value, ensure_ascii=False, default=str))


def _manifests(item: RawSetting, environ: Mapping[str, str], namespace: str) -> Iterator[_Row]:
    bundled = {key for path in _bundled() for key in _operations(path, namespace)}
    for text in texts_of(item.value):
        folder = absolute(text, item, environ)
        files = list(manifests_in(folder))
        does = f"its scripts become tools ({len(files)} file{'s'[: len(files) != 1]})"
        yield _Row(item.key, does, show_hidden(str(folder)), grave=True)
        keys = dict.fromkeys(key for path in files for key in _operations(path, namespace))
        names = dict.fromkeys(key.name for key in keys)
        yield _Row(item.key, "brings the operations", ", ".join(map(show_hidden, names)))
        for kind, what in _REPLACES.items():
            if replaced := [key.name for key in keys if key in bundled and key.kind is kind]:
                yield _Row(item.key, what, ", ".join(replaced), grave=True)


def _operations(path: Path, namespace: str) -> list[OperationKey]:
    from opsmcp_pipelines.manifest import parse_manifest

    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    return [operation.key for operation in parse_manifest(text, str(path), namespace).operations]


def _bundled() -> Iterator[Path]:
    return (Path(opsmcp_pipelines.__file__).parent / "bundled").glob("*.yaml")


def _sent(secret: str, environ: Mapping[str, str]) -> str:
    """Which secret of the environment goes there, if it holds one."""
    names = [environment_name(secret), *(name for name, key in OLDER_NAMES if key == secret)]
    held = next((name for name in names if environ.get(name, "").strip()), None)
    return f", and is sent your {held}" if held else ""


def _list(trusted: TrustFile, environ: Mapping[str, str]) -> int:
    rows = [
        (Cell(path, "bold"), Cell(_state(path, one, environ)), Cell(one.at, "dim"))
        for path, one in sorted(trusted.read().items())
    ]
    show_table(("file", "state", "trusted at"), rows, empty="Nothing is trusted.")
    return 0


def _state(path: str, before: Trusted, environ: Mapping[str, str]) -> str:
    try:
        _, now = _look_at(Path(path), environ)
    except ConfigError as error:
        return f"not used: {error}"
    return next((f"not used: {change}" for change in before.differences(now)), "trusted")


def _remove(trusted: TrustFile, path: Path) -> int:
    shown = show_hidden(str(path))
    if not trusted.remove(path):
        raise Failed(f"{shown} was not trusted")
    show_text(f"{shown} is trusted no more.")
    return 0


def _count(trusted: Trusted) -> str:
    files = len(trusted.named)
    return f"{files} file{'s'[: files != 1]} that it names" if files else "no other files"


def _command(option: str, path: Path) -> str:
    return shlex.join(["opsmcp", "trust", option, show_hidden(str(path))])
