"""What this person has trusted: settings files by path, and by what they and their files hold.

Kept in `trusted.json` of the state directory of the environment, because no file may say where it
is kept whether it is trusted; nor may the working directory.
"""

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opsmcp_server.config.environment import environment_name
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.files.paths import absolute, state_place
from opsmcp_server.config.files.safe_reading import fault_of
from opsmcp_server.config.schema import RawSetting
from opsmcp_tools.journal.state_file import StateFile, StateFileUnusable

__all__ = ["TrustFile", "Trusted", "open_trust"]

_MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Trusted:
    """What was trusted of a settings file: its SHA-256, those of the files it names, and when."""

    digest: str
    named: Mapping[str, str]
    at: str

    def differences(self, now: "Trusted") -> Iterator[str]:
        """What is not as it was, one phrase each: the settings first, then the files by path."""
        if now.digest != self.digest:
            yield "it changed"
        for path in sorted(self.named.keys() | now.named.keys()):
            if path not in now.named:
                yield f"{path} is gone"
            elif path not in self.named:
                yield f"{path} is new"
            elif self.named[path] != now.named[path]:
                yield f"{path} changed"


def open_trust(environ: Mapping[str, str]) -> "TrustFile":
    """The trusted files of this person.

    Raises:
        ConfigError: There is no place for them that does not depend on the working directory.
    """
    name = environment_name("state.dir")
    raw = environ.get(name, "").strip()
    base = Path("/")
    place = RawSetting("state.dir", raw, f"environment {name}", base) if raw else None
    place = place or state_place(environ, base)
    if raw and not Path(raw).is_absolute() and not raw.startswith("~"):
        raise ConfigError(
            f"environment {name}: {raw!r} counts from the working directory, so nothing can be "
            "trusted by what lies there; give an absolute path"
        )
    return TrustFile(absolute(str(place.value), place, environ))


class TrustFile:
    """The trusted settings files, by path."""

    def __init__(self, state_dir: Path) -> None:
        """Read nothing yet; the directory need not exist."""
        self._folder = state_dir
        self._file = StateFile(state_dir, "trusted", most_bytes=_MOST_BYTES)

    def read(self) -> dict[str, Trusted]:
        """What is trusted.

        Raises:
            ConfigError: It cannot be read, or others could have written it.
        """
        with self._checked():
            return _parse(self._file.read())

    def add(self, path: Path, trusted: Trusted) -> None:
        """Trust a file, in place of what was trusted of it before.

        Raises:
            ConfigError: It cannot be kept, or others could change it.
        """
        with self._checked(), self._file.updating() as kept:
            kept["files"] = _dump({**_parse(kept), str(path): trusted})

    def remove(self, path: Path) -> bool:
        """Trust a file no more; false if it was not trusted.

        Raises:
            ConfigError: That cannot be kept.
        """
        with self._checked(), self._file.updating() as kept:
            known = _parse(kept)
            removed = known.pop(str(path), None)
            kept["files"] = _dump(known)
        return removed is not None

    @contextmanager
    def _checked(self) -> Generator[None]:
        """Others must not be able to trust for this person."""
        with suppress(FileNotFoundError, NotADirectoryError):
            if fault := fault_of(self._folder.stat()):
                raise ConfigError(
                    f"the state directory {self._folder} {fault}, so nothing there is trusted"
                )
        try:
            yield
        except (StateFileUnusable, LookupError, TypeError, AttributeError, ValueError) as error:
            why = f"what is trusted cannot be read or kept: {self._file.path}"
            raise ConfigError(why) from error


def _parse(kept: Mapping[str, Any]) -> dict[str, Trusted]:
    return {
        path: Trusted(one["sha256"], dict(one["named"]), one["at"])
        for path, one in kept.get("files", {}).items()
    }


def _dump(known: Mapping[str, Trusted]) -> dict[str, Any]:
    return {
        path: {"sha256": one.digest, "named": one.named, "at": one.at}
        for path, one in known.items()
    }
