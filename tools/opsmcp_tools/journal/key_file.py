"""A file with a key in it: made once, whole, for its owner only."""

import contextlib
import os
import secrets
from pathlib import Path

__all__ = ["make_key_file"]


def make_key_file(path: Path, data: bytes) -> None:
    """Make the file and its directory; of several processes one makes it, and all have its key.

    Raises:
        OSError: It cannot be made.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    draft.touch(mode=0o600, exist_ok=False)
    try:
        with draft.open("wb") as writer:
            writer.write(data)
            writer.flush()
            os.fsync(writer.fileno())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()
