"""The chat on a pseudo-terminal with 200 tools, beside a bare loop with the same definitions.

Measured from Enter to the request that has come whole to the endpoint, and from the last token that
it sent to the prompt that stands there again.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pexpect

from benchmarks.measure import Row
from tests.fakes.openai_server import Exchange, FakeOpenAI, chunk, fake_openai

_TOOLS = 200
_ROUNDS = 20
_WORDS = 200
_AIM_MILLISECONDS = 50.0

_MANIFEST = """\
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata: {{name: show-{n:03}, labels: {{ops/copilot: enabled}}}}
spec:
  desc: show part {n} of the system, with its namespace and pod
  host: localhost
  variables:
    namespace: {{desc: the namespace of the pod, required: true}}
    pod: {{desc: the pod, required: true}}
    topk: {{default: "10", desc: how many lines}}
  steps: [{{name: show, content: 'echo "${{pod}}"'}}]
---
"""


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, fake_openai() as model:
        talk = _Talk(model)
        with _ours(Path(folder), model) as ours:
            talk.ask(ours)
            tools = Path(folder) / "tools.json"
            tools.write_text(json.dumps(model.requests[0].body["tools"]), "utf-8")
            with _spawned(["-m", "benchmarks.bare_chat", model.url, str(tools)], {}) as bare:
                talk.ask(bare)
                taken = [(talk.ask(ours), talk.ask(bare)) for _ in range(_ROUNDS)]
        offered = len(model.requests[0].body["tools"])
    mine, theirs = [pair[0] for pair in taken], [pair[1] for pair in taken]
    return [
        _row(
            f"chat: Enter to the request, {offered} tools",
            [lag.to_request for lag in mine],
            [lag.to_request for lag in theirs],
        ),
        _row(
            "chat: last token to the prompt",
            [lag.to_prompt for lag in mine],
            [lag.to_prompt for lag in theirs],
        ),
    ]


def _row(name: str, mine: list[float], theirs: list[float]) -> Row:
    value, bare = (1000 * statistics.median(times) for times in (mine, theirs))
    detail = (
        f"a bare loop: {bare:.1f} ms, {value / bare:.2f} times as long; "
        f"the slowest of {len(mine)}: {1000 * max(mine):.1f} ms"
    )
    return Row(name, value, _AIM_MILLISECONDS, "ms", detail)


@dataclass(frozen=True, slots=True)
class _Lag:
    """Seconds."""

    to_request: float
    to_prompt: float


@dataclass
class _Talk:
    """Asks a chat, and takes the times at both ends."""

    model: FakeOpenAI
    last_token_at: float = 0.0
    _asked: int = field(default=0)

    def ask(self, child: Any) -> _Lag:
        self._asked += 1
        question = f"question {self._asked}"
        self.model.script(self._answer)
        child.send(question)
        child.expect_exact(question)
        entered = time.monotonic()
        child.send("\r")
        child.expect_exact("the end")
        child.expect_exact("ops>")
        return _Lag(self.model.requests[-1].at - entered, time.monotonic() - self.last_token_at)

    def _answer(self, exchange: Exchange) -> None:
        exchange.begin_stream()
        for number in range(_WORDS):
            exchange.send(chunk({"content": f"word{number} "}))
        exchange.send(chunk({"content": "the end"}))
        self.last_token_at = time.monotonic()
        exchange.send(chunk({}, "stop"))
        exchange.send("data: [DONE]\n\n")
        exchange.end_stream()


@contextmanager
def _ours(folder: Path, model: FakeOpenAI) -> Generator[Any]:
    manifests = folder / "manifests"
    manifests.mkdir()
    text = "".join(_MANIFEST.format(n=n) for n in range(_TOOLS))
    (manifests / "all.yaml").write_text(text, "utf-8")
    environ = {
        "OPSMCP_STATE_DIR": str(folder / "state"),
        "OPSMCP_EMBEDDED_MANIFESTS": str(manifests),
        "OPSMCP_EMBEDDED_BUNDLED": "false",
        "OPSMCP_TOOLS_LIMIT": "1000",
        "OPENAI_API_BASE": model.url,
        "OPENAI_API_MODEL": "scripted",
    }
    with _spawned(["-m", "opsmcp_server", "copilot", "--history", "5"], environ) as child:
        yield child


@contextmanager
def _spawned(arguments: list[str], environ: dict[str, str]) -> Generator[Any]:
    spawn: Any = pexpect.spawn
    inherited = os.environ  # noqa: TID251 - a process of its own
    child = spawn(
        sys.executable,
        arguments,
        env={**inherited, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", **environ},
        timeout=60,
        dimensions=(40, 120),
        encoding="utf-8",
    )
    child.delaybeforesend = None
    try:
        child.expect_exact("ops>")
        yield child
    finally:
        child.close(force=True)
