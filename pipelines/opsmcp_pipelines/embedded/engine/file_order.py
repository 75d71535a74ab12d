"""A step that moves a file -> which file goes where: its names with the values in them. Pure."""

from collections.abc import Mapping
from pathlib import Path

from opsmcp_pipelines.embedded.engine.file_work import FileOrder
from opsmcp_pipelines.embedded.engine.files_directory import FileRefused, split_name
from opsmcp_pipelines.embedded.file_steps import UPLOAD, fault_of_path
from opsmcp_pipelines.models import Transfer
from opsmcp_pipelines.shell.references import RefusedStep, find_references

__all__ = ["make_order"]


def make_order(
    transfer: Transfer, values: Mapping[str, str], root: Path | None, host: str, run: str
) -> FileOrder:
    """What is to be moved. What is fetched goes below the names of the run and of the host.

    Args:
        transfer: The step.
        values: What its variables are.
        root: The directory of files.
        host: The name of the machine.
        run: The name of the run.

    Raises:
        RefusedStep: A name cannot be used.
    """
    if root is None:
        raise RefusedStep("no directory of files is named (files.dir)")
    remote = _filled(transfer.remote_file, values)
    if fault := fault_of_path(remote):
        raise RefusedStep(fault)
    try:
        local = split_name(_filled(transfer.local_file, values))
    except FileRefused as refused:
        raise RefusedStep(str(refused)) from None
    upload = transfer.direction == UPLOAD
    return FileOrder(root, local if upload else (run, host, *local), host, remote, upload)


def _filled(text: str, values: Mapping[str, str]) -> str:
    """The name with each value in its place, put in once."""
    filled, done = "", 0
    for found in find_references(text, values):
        filled += text[done : found.start] + values[found.name]
        done = found.end
    return filled + text[done:]
