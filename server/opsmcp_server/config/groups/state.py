"""`state` of the settings: what is kept between starts."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, SecretStr

from opsmcp_server.config.schema import (
    LEAST_KEY_LENGTH,
    NO_SECRET,
    Group,
    Means,
    number,
    printable,
    whole,
)

__all__ = ["State"]


def _long(value: SecretStr) -> SecretStr:
    if 0 < len(value.get_secret_value()) < LEAST_KEY_LENGTH:
        raise ValueError("too short")
    return value


class State(Group):
    """What is kept between starts."""

    dir: Annotated[Path, Means("a directory")] = Path("~/.local/state/opsmcp")
    """Directory of the journal and, for the embedded engine, of runs and their output. Below
    `$XDG_STATE_HOME` when that is set."""
    keep_days: Annotated[float, number(0.01, 3650)] = 14.0
    """How many days runs stay in the journal, with verdict, arguments and output, counted from the
    oldest of the newest 1,000: those always stay. An idempotency key is good for as long. Ops
    itself forgets runs within the hour."""
    keep_megabytes: Annotated[int, whole(10, 1_000_000)] = 1024
    """How large the journal may become, in MiB. Beyond it the oldest runs go first."""
    key: Annotated[
        SecretStr,
        AfterValidator(printable),
        AfterValidator(_long),
        Means(
            f"one word of at least {LEAST_KEY_LENGTH} printable ASCII characters (its value is not"
            " shown)"
        ),
    ] = NO_SECRET
    """Key that seals the ids of tasks and the state of questions. Empty: a random one, kept in the
    file `key` of `state.dir`. Replicas that do not share that directory need the same key. A
    secret."""
