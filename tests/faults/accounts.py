"""Whether what opsmcp says of its runs is what became of them at the Ops server."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from opsmcp_pipelines.run import Verdict
from opsmcp_pipelines.source import CALL_ID_VARIABLE
from opsmcp_tools.model.run_record import RunRecord
from tests.fakes.ops_state import FakeRun

__all__ = ["Truth", "check_accounts"]

_FOLLOWED = {Verdict.SUCCEEDED, Verdict.FAILED, Verdict.RUNNING, Verdict.VANISHED, Verdict.STUCK}


@dataclass
class Truth:
    """The runs that an Ops server ever made, by the call that made them."""

    runs: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    cleared: dict[str, datetime] = field(default_factory=dict[str, datetime])
    """Since when the server knows nothing more of the run of a call."""

    def note(self, runs: Iterable[FakeRun]) -> None:
        """Take down runs that the server may forget from now on."""
        for run in runs:
            self.runs.setdefault(run.variables[CALL_ID_VARIABLE], []).append(run.name)

    def clear(self, runs: Iterable[FakeRun], now: datetime) -> None:
        """Take down runs that the server forgets now."""
        gone = list(runs)
        self.note(gone)
        self.cleared |= {run.variables[CALL_ID_VARIABLE]: now for run in gone}

    def had(self, record: RunRecord) -> list[str]:
        """The runs of a call that could be found when its record was ended."""
        since = self.cleared.get(record.run)
        gone = since is not None and record.ended_at is not None and since <= record.ended_at
        return [] if gone else self.runs.get(record.run, [])


def check_accounts(
    truth: Truth, records: Iterable[RunRecord], *, looked_for: bool = False
) -> Mapping[Verdict, int]:
    """Assert that every run is accounted for and none was made twice; how many of each verdict.

    With `looked_for`, runs may be on their way still, and may not have been found yet.
    """
    kept = {record.run: record for record in records}
    doubles = {call: made for call, made in truth.runs.items() if len(made) > 1}
    assert not doubles
    assert not truth.runs.keys() - kept.keys(), "runs that the journal does not know"
    for record in kept.values():
        if record.verdict is not Verdict.RUNNING or record.source_run or not looked_for:
            _check(record, truth)
    return Counter(record.verdict for record in kept.values())


def _check(record: RunRecord, truth: Truth) -> None:
    made = truth.runs.get(record.run, [])
    if record.source_run:
        assert record.verdict in _FOLLOWED, record
        assert made == [record.source_run], record
    elif record.verdict is Verdict.NOTHING_RAN:
        assert made == [], record
        assert record.result.reason.startswith("nothing was started"), record
    else:
        assert record.verdict is Verdict.UNKNOWN, record
        _check_evidence(record, truth.had(record))


def _check_evidence(record: RunRecord, made: list[str]) -> None:
    """Only who could not ask, or asked too early, may not know of a run."""
    searched = "no run of this call was found" in record.result.reason
    asked = searched or "could not be asked" in record.result.reason
    assert asked, record
    assert not (searched and made), record
