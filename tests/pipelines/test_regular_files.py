"""A file is read where files are kept, and not what the kernel shows as files."""

import subprocess
import sys
from pathlib import Path

import pytest

import opsmcp_pipelines
from opsmcp_pipelines.regular_files import NotRegular, open_regular, sign

_READ = """
import sys
from pathlib import Path
sys.path.append(sys.argv[1])
from opsmcp_pipelines.regular_files import read_regular
print([read_regular(Path(name), 99) for name in ("empty", "full")])
"""
_MOUNT = (
    'mount -t "$1" -o size=0 none "$2" && cd "$2" && : > empty && echo good > full && shift 2'
    ' && exec "$@"'
)
_APART = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _MOUNT, "sh")


def _mounted(kind: str, folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    """In a file system of that kind, which only this command sees."""
    return subprocess.run(
        [*_APART, kind, str(folder), *command], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("kind", ["tmpfs", "ramfs"])
def test_an_empty_file_is_read_where_there_is_no_limit_of_blocks(kind: str, tmp_path: Path) -> None:
    if _mounted(kind, tmp_path, "true").returncode:
        pytest.skip("nothing may be mounted here")
    folder = str(Path(opsmcp_pipelines.__file__).parent.parent)
    done = _mounted(kind, tmp_path, sys.executable, "-I", "-S", "-c", _READ, folder)
    assert (done.stdout, done.stderr) == ("[b'', b'good\\n']\n", "")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of Linux")
@pytest.mark.parametrize(
    "path", ["/proc/self/stat", "/proc/self/mountinfo", "/sys/kernel/uevent_seqnum"]
)
def test_what_the_kernel_shows_is_no_file(path: str) -> None:
    for read in (open_regular, sign):
        with pytest.raises(NotRegular):
            read(Path(path))
