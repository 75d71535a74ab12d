"""A PATH as on macOS: bash as `sh`, perl, BSD's `stat` and `wc`; no `setsid` and no `sha256sum`.

It stands for what the far side uses there. What it cannot show is a system without /proc.
"""

import shutil
import sys
from pathlib import Path

import pytest

__all__ = ["install_bsd_programs"]

_SAME = (
    *("bash", "cat", "chmod", "chown", "grep", "head", "mkdir", "mktemp", "mv", "perl", "rm"),
    *("shasum", "sleep", "touch", "true"),
)
_STAT = """#!/bin/sh
[ "$1 $2 $3" = "-L -f %u:%g %Lp" ] || { echo "stat: illegal option" >&2; exit 1; }
exec STAT -L -c "%u:%g %a" "$4"
"""
_WC = """#!/bin/sh
printf "%8d\\n" "$(WC "$@")"
"""


def install_bsd_programs(folder: Path) -> str:
    """Put them into `folder`; the PATH that has nothing else."""
    folder.mkdir()
    found = {name: shutil.which(name) or "" for name in (*_SAME, "stat", "wc")}
    for name in (name for name, path in found.items() if not path):
        pytest.skip(f"no {name} here")
    links = {name: found[name] for name in _SAME}
    for name, path in {**links, "sh": found["bash"], "python3": sys.executable}.items():
        (folder / name).symlink_to(path)
    for name, text in (("stat", _STAT), ("wc", _WC)):
        program = folder / name
        program.write_text(text.replace(name.upper(), found[name]), encoding="utf-8")
        program.chmod(0o755)
    return str(folder)
