"""What waits for the disk and what does not, and what becomes of lines while there is no room."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import anyio
import pytest

from opsmcp_tools.audit.line import AuditEvent
from opsmcp_tools.audit.recorder import Recorder
from opsmcp_tools.audit.trail import Trail
from opsmcp_tools.model.errors import JournalHindered
from tests.tools.audit.trails import NOON, Ground


@dataclass
class Copied:
    """Takes lines as copies do."""

    lines: list[bytes] = field(default_factory=list[bytes])

    def put(self, lines: Sequence[bytes]) -> None:
        self.lines += lines


def recorder(trail: Trail, *, required: bool = True, copies: Copied | None = None) -> Recorder:
    return Recorder(trail, required=required, now=lambda: NOON, copies=copies)


def start(run: str) -> AuditEvent:
    return AuditEvent("run.start", NOON, details={"run": run})


def obstruct(ground: Ground) -> Callable[[], None]:
    """Have nothing be written; gives what ends that."""
    folder, away = ground.root / "audit", ground.root / "away"
    if folder.exists():
        folder.rename(away)
    folder.write_text("in the way", "utf-8")

    def end() -> None:
        folder.unlink()
        if away.exists():
            away.rename(folder)

    return end


async def test_starts_that_come_together_share_a_write_and_each_is_on_the_disk(
    ground: Ground,
) -> None:
    copied = Copied()
    it = recorder(ground.trail(), copies=copied)

    async def begin(number: int) -> None:
        await it.record(start(f"r-{number}"))
        assert f"r-{number}" in [line.get("run") for line in ground.lines()]

    async with anyio.create_task_group() as group:
        for number in range(50):
            group.start_soon(begin, number)
    await it.close()
    assert len(ground.lines()) == 52
    assert b"\n".join(copied.lines) + b"\n" == ground.files.all()[0].read_bytes()
    assert ground.found() == ""


async def test_what_was_noted_comes_before_the_start_that_follows(ground: Ground) -> None:
    it = recorder(ground.trail())
    it.note(AuditEvent("consent.answered", NOON))
    await it.record(start("r-0"))
    assert ground.events() == ["audit.open", "consent.answered", "run.start"]


async def test_what_is_noted_is_written_soon(ground: Ground) -> None:
    it = recorder(ground.trail())
    async with anyio.create_task_group() as group:
        group.start_soon(it.run)
        it.note(AuditEvent("plan", NOON))
        with anyio.fail_after(5):
            while not ground.files.all() or "plan" not in ground.events():
                await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()


async def test_a_start_that_cannot_be_written_is_refused_and_the_gap_is_told(
    ground: Ground,
) -> None:
    it = recorder(ground.trail())
    await it.record(start("r-0"))
    end = obstruct(ground)
    it.note(AuditEvent("run.end", NOON))
    with pytest.raises(JournalHindered, match="cannot be written"):
        await it.record(start("r-1"))
    assert (it.errors, "cannot be written" in it.failure) == (1, True)
    end()
    await it.record(start("r-2"))
    assert it.failure == ""
    await it.close()
    assert ground.events()[1:5] == ["run.start", "audit.gap", "run.end", "run.start"]
    assert "r-1" not in [line.get("run") for line in ground.lines()]
    assert ground.found() == ""


async def test_where_it_is_not_required_the_line_of_a_start_follows_behind_a_gap(
    ground: Ground,
) -> None:
    it = recorder(ground.trail(), required=False)
    end = obstruct(ground)
    await it.record(start("r-0"))
    end()
    await it.close()
    assert ground.events() == ["audit.open", "audit.gap", "run.start", "audit.checkpoint"]


async def test_more_lines_than_can_wait_are_counted(ground: Ground) -> None:
    it = recorder(ground.trail())
    for _ in range(10_005):
        it.note(AuditEvent("list", NOON))
    await it.flush()
    gap = ground.lines()[1]
    assert (gap["event"], gap["count"]) == ("audit.gap", 5)
    await it.close()
    assert ground.found() == ""
