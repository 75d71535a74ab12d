"""Accounts that only one sshd knows: for it alone, other files lie over those of the system."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

__all__ = ["KEEPER", "POOR", "with_accounts"]

KEEPER, POOR = "keeper", "poor"
"""An account that may become root without a password, and one that needs one for it."""

_FILES = {
    "passwd": "keeper:x:60001:60001::/tmp:/bin/sh\npoor:x:60002:60002::/tmp:/bin/sh\n",
    "shadow": "keeper:*:19000:0:99999:7:::\npoor:*:19000:0:99999:7:::\n",
}
# Newer ones use a terminal of their own where nobody forbids it.
_SUDOERS = """Defaults use_pty
root ALL=(ALL) ALL
keeper ALL=(ALL) NOPASSWD: /bin/sh
poor ALL=(ALL) ALL
"""


def with_accounts(folder: Path) -> list[str]:
    """The beginning of a command that knows them; skips the test where that cannot be done."""
    if os.geteuid() or shutil.which("sudo") is None or shutil.which("unshare") is None:
        pytest.skip("no sudo here, or not root")
    for name, lines in _FILES.items():
        shutil.copy(f"/etc/{name}", folder / name)
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(lines)
    (folder / "sudoers").write_text(_SUDOERS, encoding="utf-8")
    (folder / "sudoers").chmod(0o440)
    mounts = " && ".join(
        f"mount --bind {folder / name} /etc/{name}" for name in (*_FILES, "sudoers")
    )
    within = ["unshare", "-m", "sh", "-c", f'{mounts} && exec "$0" "$@"']
    if subprocess.run([*within, "true"], capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    return within
