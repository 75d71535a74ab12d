"""Steps that move a file: which of them the embedded engine can do, and why not others. Pure.

The words are those of Ops: `localfile`, `remotefile` and `direction`. Here the local file is always
one below `files.dir`, and the remote one an absolute path on the host.
"""

import re
from collections.abc import Mapping

from opsmcp_pipelines.models import Step, Task
from opsmcp_pipelines.shell.references import unfold

__all__ = ["DOWNLOAD", "UPLOAD", "fault_of_path", "refuse_files"]

UPLOAD = "upload"
DOWNLOAD = "download"

_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_LITERAL_FOLDER = re.compile(r"/[^/$]+/")
_LONGEST_PATH = 4096
_NEEDS_OPS = (
    "it moves a file to or from a store (s3, an image, a file server): that needs an Ops server"
)


def refuse_files(task: Task, *, has_directory: bool) -> str:
    """Why the files of a task cannot be moved; empty when they can, or when it has none.

    Args:
        task: The task.
        has_directory: Whether a directory of files is named.
    """
    fixed = {one.name: one.value for one in task.variables if one.value}
    for step in task.steps:
        if step.transfer is not None and (fault := _fault(step, fixed)):
            return f"step {step.name!r}: {fault}"
    if not has_directory and any(step.transfer for step in task.steps):
        return "it moves files, and no directory is named that they are below (files.dir)"
    return ""


def fault_of_path(path: str) -> str:
    """What is wrong with a path on a host; empty when it can be used."""
    parts = path.split("/")
    if not path.startswith("/") or ".." in parts or not parts[-1]:
        return f"remotefile {path[:80]!r} must be an absolute path of a file, without '..'"
    if len(path) > _LONGEST_PATH or not path.isprintable():
        return "remotefile is too long, or has characters that cannot be printed"
    return ""


def _fault(step: Step, fixed: Mapping[str, str]) -> str:
    transfer = step.transfer
    if transfer is None:
        return ""
    local, remote = transfer.local_file, unfold(transfer.remote_file, fixed)
    if step.content.strip():
        return "it has a script and a file: make two steps of it"
    if any(map(_ELSEWHERE.match, (local, remote))):
        return _NEEDS_OPS
    if transfer.direction not in (UPLOAD, DOWNLOAD):
        return f"direction {transfer.direction[:40]!r} must be {UPLOAD!r} or {DOWNLOAD!r}"
    if not local or local.startswith(("/", "~")) or ".." in local.split("/"):
        return f"localfile {local[:80]!r} must be a name below files.dir: relative, without '..'"
    if "${" in remote and not _LITERAL_FOLDER.match(remote):
        return (
            "remotefile begins with a variable: its author has to write the directory "
            f"(/etc/app/${{name}}), or {remote[:80]!r} would be any file"
        )
    return fault_of_path(remote)
