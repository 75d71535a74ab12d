"""The values of bound variables: reading them where the settings say that they come from.

A text, `{env: NAME}`, `{file: PATH}`, `{command: [PROGRAM, ...]}` or `{value: TEXT}`; each is a
secret unless `secret: false` stands beside it. A command runs without a shell, once, at the start.
"""

import os
import signal
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, cast

from opsmcp_pipelines.untyped import mapping_of
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.files.paths import absolute
from opsmcp_server.config.schema import RawSetting
from opsmcp_tools.arguments.bound_variables import PRINCIPAL

__all__ = ["BoundValue", "read_bound_value", "read_part", "secret_source"]

_MOST_BYTES = 64 * 1024
_COMMAND_SECONDS = 10.0
"""Long enough for a password manager that asks its server, too short to seem to hang."""

_SECRET_SOURCES = frozenset({"env", "file", "command"})
_FORMS = "a text, {env: NAME}, {file: PATH}, {command: [PROGRAM, ...]} or {value: TEXT}"


class BoundValue(NamedTuple):
    """A value, and whether nobody may be shown it."""

    text: str
    secret: bool


def read_bound_value(item: RawSetting, environ: Mapping[str, str]) -> BoundValue:
    """The value that `item` gives or says where to find.

    Args:
        item: What the settings say.
        environ: The environment, for `env` and for commands.

    Raises:
        ConfigError: It cannot be had. Never tells what was read.
    """
    if isinstance(item.value, str):
        return BoundValue(item.value, secret=item.value != PRINCIPAL)
    raw = mapping_of(item.value)
    secret = raw.get("secret", True)
    pairs = [pair for pair in raw.items() if pair[0] != "secret"]
    if len(pairs) != 1 or not isinstance(secret, bool):
        raise _refuse(item)
    match pairs[0]:
        case "value", str(text):
            return BoundValue(text, secret and text != PRINCIPAL)
        case "env", str(name):
            return BoundValue(_from_environment(name, item, environ), secret)
        case "file", str(name):
            return BoundValue(_from_file(absolute(name, item, environ), item), secret)
        case "command", words if _are_texts(words):
            return BoundValue(_from_command(cast("list[str]", words), item, environ), secret)
        case _:
            raise _refuse(item)


def secret_source(value: object) -> dict[object, object]:
    """Where a secret is, if this says so and nothing else; empty for a secret itself."""
    source = mapping_of(value)
    return source if len(source) == 1 and set(source) <= _SECRET_SOURCES else {}


def read_part(
    item: RawSetting, place: str, source: Mapping[object, object], environ: Mapping[str, str]
) -> str:
    """What the part of `item` at `place` says where to find; raises as `read_bound_value` does."""
    part = replace(item, key=f"{item.key}.{place}", origin=item.at(place), value=source)
    return read_bound_value(part, environ).text


def _refuse(item: RawSetting) -> ConfigError:
    return ConfigError(
        f"{item.key} must be {_FORMS}, with secret: true or false beside it ({item.origin})"
    )


def _are_texts(words: object) -> bool:
    found = cast("list[object]", words) if isinstance(words, list) else []
    return bool(found) and all(isinstance(word, str) and "\0" not in word for word in found)


def _from_environment(name: str, item: RawSetting, environ: Mapping[str, str]) -> str:
    if not environ.get(name):
        raise ConfigError(f"{item.key}: environment {name} is not set ({item.origin})")
    return environ[name]


def _from_file(path: Path, item: RawSetting) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{item.key}: cannot read {str(path)!r} ({item.origin})") from error
    return _as_text(data, repr(str(path)), item)


def _from_command(words: list[str], item: RawSetting, environ: Mapping[str, str]) -> str:
    try:
        data, status = _run(words, item.base, environ)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{item.key}: cannot run {words[0]!r} ({item.origin})") from error
    if status:
        ended = f"ended with {status}" if status > 0 else "was stopped: it took too long"
        raise ConfigError(f"{item.key}: {words[0]!r} {ended} ({item.origin})")
    return _as_text(data, f"the output of {words[0]!r}", item)


def _run(words: list[str], folder: Path, environ: Mapping[str, str]) -> tuple[bytes, int]:
    """What a program writes, at most a little more than is allowed, and its exit status."""
    with subprocess.Popen(  # noqa: S603 - the operator's own words, and no shell reads them
        words,
        cwd=folder,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        timer = threading.Timer(_COMMAND_SECONDS, _kill_group, [process.pid])
        timer.start()
        try:
            data = process.stdout.read(_MOST_BYTES + 1) if process.stdout else b""
            if len(data) > _MOST_BYTES:
                _kill_group(process.pid)
                return data, 0
            return data, process.wait()
        finally:
            timer.cancel()


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def _as_text(data: bytes, what: str, item: RawSetting) -> str:
    if len(data) > _MOST_BYTES:
        raise ConfigError(f"{item.key}: {what} is larger than 64 KiB ({item.origin})")
    try:
        return data.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{item.key}: cannot read {what} as text ({item.origin})") from error
