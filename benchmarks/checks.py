"""What policy, argument checks and masking add to a call: ten arguments, 10 kB of output."""

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from benchmarks.measure import Row, alternate
from opsmcp_pipelines.kinds.guess import kind_of
from opsmcp_pipelines.models import Cluster, Host, Step, Task, Variable
from opsmcp_pipelines.report import NodeReport, RunReport, Status, StepReport, TaskReport
from opsmcp_tools.arguments.check import check_arguments
from opsmcp_tools.arguments.choices import Inventory
from opsmcp_tools.masking.masker import Masker
from opsmcp_tools.model.tool import Bound, Hints, Principal, Tool
from opsmcp_tools.policy.decision import Action, Effect, Policy
from opsmcp_tools.policy.rules import Rule
from opsmcp_tools.toolbox.inputs import build_input
from opsmcp_tools.toolbox.schema import input_schema

_OUTPUT_BYTES = 10 * 1000
_CALLS = 200
_ROUNDS = 15
_ALLOWED_SECONDS = 0.0003

_ARGUMENTS: Mapping[str, object] = {
    "cluster": "east-1",
    "host": "web-1",
    "namespace": "kube-system",
    "pod": "web-7d4b9c6f5d-x2x9k",
    "image": "registry.example:5000/team/app:1.2",
    "url": "https://a.example/healthz?verbose=1",
    "path": "/var/log/nginx",
    "topk": 20,
    "keyword": "error",
    "cidr": "10.0.0.0/16",
}
_GIVEN = {name: str(value) for name, value in _ARGUMENTS.items()}
_ANNA = Principal("anna")


def run() -> list[Row]:
    tool, policy = _tool(), _policy()
    masker, report = Masker(["s3cr3t-value", "another-secret-value"]), _report(_output())

    def check() -> None:
        check_arguments(tool, _ARGUMENTS, _ANNA)

    def decide() -> None:
        policy.decide(_ANNA, Action.LIST, tool)
        policy.decide(_ANNA, Action.RUN, tool, _GIVEN, at=datetime.now(UTC))

    def mask() -> None:
        masker.report(report)

    parts = {"arguments": check, "policy": decide, "masking": mask}
    added = {name: _added_seconds(part) * 1000 for name, part in parts.items()}
    detail = ", ".join(f"{name} {part:.3f} ms" for name, part in added.items())
    return [Row("checks of a call", sum(added.values()), _ALLOWED_SECONDS * 1000, "ms", detail)]


def _added_seconds(part: Callable[[], None]) -> float:
    """What one of these costs beside a call of nothing."""

    def repeat(action: Callable[[], None]) -> None:
        for _ in range(_CALLS):
            action()

    part()  # Patterns are compiled once for a process.
    busy, idle = alternate(lambda: repeat(part), lambda: repeat(lambda: None), _ROUNDS)
    return (busy - idle) / _CALLS


def _tool() -> Tool:
    inventory = Inventory(
        clusters=tuple(Cluster(f"{name}-{n}") for name in ("east", "west") for n in range(20)),
        hosts=tuple(Host(f"web-{n}", "ops") for n in range(200)),
    )
    variables = [Variable(name) for name in _ARGUMENTS]
    inputs = tuple(build_input(one, kind_of(one), inventory) for one in variables)
    return Tool(
        name="show-everything",
        title="Show everything",
        description="Takes ten arguments.",
        operation=Task("show-everything", "ops", steps=(Step("s", "true"),)),
        hints=Hints(read_only=True, destructive=False, idempotent=True),
        inputs=inputs,
        bound=(Bound("sk", "s3cr3t-value", secret=True), Bound("white", "$principal")),
        input_schema=input_schema(inputs),
    )


def _policy() -> Policy:
    """Rules of a team, of which the last decides."""
    others = [
        Rule(f"rule {n}", Effect.DENY, operation=(f"delete-{n}-*",), cluster=("prod-*",))
        for n in range(9)
    ]
    last = Rule("reading", Effect.ALLOW, operation=("show-*",), cluster=("east-*",))
    return Policy(rules=(*others, last))


def _output() -> str:
    """10 kB of log as it is: times, addresses, hashes, and a password here and there."""
    chance = random.Random(1)  # noqa: S311 - a log, the same every time
    lines, length = list[str](), 0
    while length < _OUTPUT_BYTES:
        number = len(lines)
        more = " password=planted-1" if number % 40 == 0 else ""
        lines.append(
            f"2026-11-23T10:00:{number % 60:02} INFO web-{number % 9} GET /api/v1/items/{number} "
            f"200 {number % 97}ms id={chance.getrandbits(64):016x}{more}"
        )
        length += len(lines[-1]) + 1
    return "\n".join(lines)[:_OUTPUT_BYTES]


def _report(output: str) -> RunReport:
    step = StepReport("look", Status.SUCCEEDED, output)
    task = TaskReport(
        "show", "show", Status.SUCCEEDED, (NodeReport("web-1", Status.SUCCEEDED, (step,)),)
    )
    return RunReport(Status.SUCCEEDED, (task,))
