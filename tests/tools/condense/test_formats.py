"""What a long log loses by condensing it, in logs whose kinds of trouble are known."""

import pytest

from opsmcp_tools.condense.choose import condense
from opsmcp_tools.safe_text.token_estimate import estimate_tokens
from tests.tools.condense.formats import FORMATS, made_log
from tests.tools.condense.incidents import INCIDENTS, log_of
from tests.tools.results.records import BAD, record, step, summarise, task

_TOKENS = 1_500

pytestmark = pytest.mark.unmeasured


@pytest.mark.parametrize("name", FORMATS)
def test_every_kind_of_trouble_is_in_the_result_whatever_the_format(name: str) -> None:
    log = made_log(name, seed=7)
    assert log.missed(log.text) == []
    shown = condense(log.text, _TOKENS)
    assert log.missed(shown) == []
    assert estimate_tokens(shown) <= _TOKENS


@pytest.mark.parametrize("name", INCIDENTS)
def test_the_cause_of_an_incident_can_be_read_in_one_row_of_the_result(name: str) -> None:
    failed = task("t", step("logs", log_of(name), BAD), verdict=BAD)
    shown = summarise(record(BAD, failed), tokens=_TOKENS).split("\n")
    assert [row for row in shown if INCIDENTS[name].message in row] != []
