"""How the embedded engine is set up."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from opsmcp_pipelines.many_hosts import Brakes
from opsmcp_pipelines.ssh.named_hosts import HostSettings

__all__ = ["EmbeddedSettings", "Masking"]


class Masking(Protocol):
    """What replaces the secrets of one run."""

    def text(self, text: str) -> str:
        """The text with every secret replaced."""
        ...


@dataclass(frozen=True, slots=True)
class EmbeddedSettings:
    """Where the embedded engine finds its manifests, and how steps are run.

    Attributes:
        environ: The environment of the process; steps see only a few harmless names of it.
        manifests: Directories of manifests; operations of later ones replace those of earlier ones.
        bundled: Whether the operations that come with opsmcp are there, too (before all others).
        namespace: That of operations that name none.
        step_seconds: The deadline of a step that sets no `timeoutSeconds`.
        output_bytes: How much of a step's output is kept; the rest is counted.
        masking: What replaces secrets where outputs are cut, given those of the call.
        hosts: Where the hosts are named that are reached by ssh; None: there are none.
        keeps_connections: Whether connections to them are kept for a while after a run.
        brakes: How a run goes on from host to host.
        files: The directory that files are sent from and fetched into; None: no files are moved.
        digests: The SHA-256 of each file in `manifests` that may be read, by path; None: all may.
    """

    environ: Mapping[str, str] = field(repr=False)
    manifests: tuple[Path, ...] = ()
    bundled: bool = True
    namespace: str = "ops-system"
    step_seconds: float = 600.0
    output_bytes: int = 1024 * 1024
    masking: Callable[[frozenset[str]], Masking] | None = None
    hosts: HostSettings | None = None
    keeps_connections: bool = False
    brakes: Brakes = Brakes()
    files: Path | None = None
    digests: Mapping[str, str] | None = None
