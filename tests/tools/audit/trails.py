"""A trail of a test's own, with a clock that the test sets."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from opsmcp_tools.audit.files import TrailFiles
from opsmcp_tools.audit.line import AuditEvent, read_line
from opsmcp_tools.audit.signing import PublicKey, read_private_key
from opsmcp_tools.audit.trail import Trail
from opsmcp_tools.audit.verify import Report, verify
from opsmcp_tools.model.tool import Principal

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


@dataclass
class Ground:
    """Where trails of one replica are written."""

    root: Path
    at: datetime = NOON
    keep_files: int = 400
    key_name: str = "audit.key"
    trails: list[Trail] = field(default_factory=list[Trail])

    @property
    def files(self) -> TrailFiles:
        return TrailFiles(self.root / "audit", "one")

    def trail(self) -> Trail:
        """One more process that writes."""
        made = Trail(
            self.root / "audit",
            "one",
            key_file=self.root / self.key_name,
            version="0",
            keep_files=self.keep_files,
            now=lambda: self.at,
        )
        self.trails.append(made)
        return made

    def write(self, trail: Trail, runs: Iterable[str]) -> None:
        """A start of each run."""
        anna = Principal("anna", ("ops",))
        for run in runs:
            trail.append([AuditEvent("run.start", self.at, principal=anna, details={"run": run})])

    def days(self, count: int) -> Trail:
        """A trail of some days, with three runs on each."""
        trail = self.trail()
        for day in range(count):
            self.write(trail, (f"r-{day}-{number}" for number in range(3)))
            self.at += timedelta(days=1)
        return trail

    @cached_property
    def key(self) -> PublicKey:
        return read_private_key(self.root / self.key_name, make=False).public

    def verify(
        self, *, is_written: bool = False, expected: tuple[int, str] | None = None
    ) -> Report:
        keys = {self.key.fingerprint: self.key}
        return verify(self.files.all(), keys, is_written=is_written, expected=expected)

    def found(self) -> str:
        """What `verify` names, without the part that changes; empty when all is good."""
        problem = self.verify().problem
        return str(problem).removeprefix("audit-one-") if problem else ""

    def lines(self) -> list[dict[str, object]]:
        return [
            read_line(line) for path in self.files.all() for line in path.read_bytes().splitlines()
        ]

    def events(self) -> list[object]:
        return [line["event"] for line in self.lines()]
