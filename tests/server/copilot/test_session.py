"""The session of the first Ops Copilot, whole, on a terminal, in both languages."""

import pytest

from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.program import FakeProgram
from tests.server.copilot.harness import PROMPT, Copilot, Terminal
from tests.server.copilot.scenario import POD, SESSIONS

LOCALES = {"en": "C.UTF-8", "zh": "zh_CN.UTF-8"}
OURS = {
    "en": ["/help helps", "y = yes, n = no, e = edit an argument", "Where: cluster lab"],
    "zh": [
        "/help 查看帮助",
        "force-restart-pod: y = 同意, n = 拒绝, e = 修改参数",
        "位置:集群 lab",
    ],
}


@pytest.fixture(params=SESSIONS)
def language(request: pytest.FixtureRequest) -> str:
    return request.param


def test_operations_clusters_a_restart_and_how_it_went(
    lab: Copilot, model: FakeOpenAI, kubectl: FakeProgram, language: str
) -> None:
    def person(at: Terminal) -> None:
        for exchanged in SESSIONS[language]:
            if exchanged.asks:
                at.ask(exchanged.question, "[y/n/e]")
                at.ask("y", exchanged.shown)
            else:
                at.ask(exchanged.question, exchanged.shown)
            at.expect(PROMPT)
        for words in OURS[language]:
            assert words in at.shown

    for exchanged in SESSIONS[language]:
        model.script(*exchanged.answers)
    assert lab.having(LC_ALL=LOCALES[language]).chat(person) == 0
    assert "force-restart-pod" in model.requests[1].results()[0]
    assert "- lab (default)\n- live" in model.requests[3].results()[-1]
    assert f'pod "{POD}" force deleted' in model.requests[5].results()[-1]
    assert "succeeded: force-restart-pod" in model.requests[7].results()[-1]
    deleted = next(call for call in kubectl.calls if call[0] == "delete")
    assert {f"pod/{POD}", "--namespace=shop", "--context=lab"} <= set(deleted)
