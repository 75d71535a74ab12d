"""An opsmcp with responders, and a small world that its operations look at and change.

The world is a file `used` with a number, which `clear-it` makes small, `clear-nothing` leaves as it
is and `get-usage` tells; `runs` has a line for each run that changed something.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
from anyio import to_thread

from opsmcp_server.agent.service import investigating
from opsmcp_server.app import open_services
from opsmcp_server.calls.context import CallContext
from opsmcp_server.config.load import load
from opsmcp_server.protocol.services import Services
from opsmcp_server.responding.driver import Driver
from opsmcp_server.responding.inspecting import inspecting
from opsmcp_server.responding.service import responding
from opsmcp_tools.incidents.incident import Incident, State
from opsmcp_tools.incidents.signal import Severity, Signal, Status, new_signal
from opsmcp_tools.model.run_record import SystemClock
from opsmcp_tools.model.tool import Principal
from tests.own_settings import write_settings
from tests.server.calls.test_pinned_definitions import approve as approve_definitions
from tests.server.harness import Running, running, services_of, serving, settings

ANNA = Principal("anna")

_TASK = """\
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata: {{name: {name}, namespace: ops-system}}
spec:
  desc: {desc}
  host: localhost
  variables: {{name: {{desc: which one, required: true}}}}
  steps: [{{name: step, content: '{script}'}}]
---
apiVersion: crd.chenshaowen.com/v1
kind: Pipeline
metadata: {{name: {name}, namespace: ops-system, labels: {{ops/copilot: enabled}}}}
spec:
  desc: {desc}
  tasks: [{{name: task, taskRef: {name}, {results}}}]
---
"""

SETTINGS = """\
policy:
  pin: PIN
  groups: {on-call: [anna, bob]}
  rules:
    - {name: it clears itself, effect: allow, principal: ["responder:auto-*"], operation: clear-*}
requests: {approvers: [on-call], expires: 10m}
events:
  senders:
    am: {type: alertmanager, token: {env: AM_TOKEN}}
"""


@dataclass(frozen=True)
class World:
    """The folder of an opsmcp of its own, and what its operations change; where its model is."""

    root: Path
    model: str = ""

    @property
    def runs(self) -> list[str]:
        """What was changed, in order."""
        path = self.root / "runs"
        return path.read_text("utf-8").split() if path.exists() else []

    @property
    def used(self) -> Path:
        return self.root / "used"

    @property
    def marker(self) -> Path:
        """What an attack would make."""
        return self.root / "pwned"

    def environ(self) -> dict[str, str]:
        return settings(
            self.root,
            OPSMCP_EMBEDDED_MANIFESTS=str(self.root / "manifests"),
            OPSMCP_EMBEDDED_BUNDLED="false",
            OPSMCP_DISCOVERY_INTERVAL_SECONDS="1",
            AM_TOKEN="am-token-of-the-tests-0123456789",
            **self._of_model(),
        )

    def _of_model(self) -> dict[str, str]:
        if not self.model:
            return {}
        key = "sk-key-of-the-model-of-the-tests"
        return {
            "OPENAI_API_BASE": self.model,
            "OPENAI_API_MODEL": "scripted",
            "OPENAI_API_KEY": key,
        }


def make_world(
    root: Path, responders: str, more: str = "", model: str = "", rules: str = ""
) -> World:
    world = World(root, model)
    manifests = root / "manifests"
    manifests.mkdir(exist_ok=True)
    runs, used = root / "runs", world.used
    used.write_text("91\n", "utf-8")
    looks = f"echo OPS_RESULT:used=$(cat {used}); echo $(cat {used})"
    texts = [
        ("clear-it", f'echo 10 > {used}; echo "${{name}}" >> {runs}', "delete what is old", ""),
        ("clear-nothing", f'echo "${{name}}" >> {runs}', "delete what is not there", ""),
        ("clear-badly", f'echo "${{name}}" >> {runs}; exit 3', "delete and fail", ""),
        ("get-usage", f'echo "${{name}}"; {looks}', "get how full it is", "results: {used: step}"),
        ("get-note", f"cat {root}/note-${{name}}", "get a note", ""),
    ]
    written = (
        _TASK.format(name=name, script=script, desc=desc, results=results)
        for name, script, desc, results in texts
    )
    (manifests / "own.yaml").write_text("".join(written), "utf-8")
    pin = "true" if "mode: auto" in responders or "auto: " in responders else "false"
    first = SETTINGS.replace("PIN", pin).replace("requests:", f"{rules}requests:")
    write_settings(root, first + more + "responders:\n" + responders)
    return world


class ShiftedClock(SystemClock):
    """The real time, moved by as much as a test says."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


@dataclass
class Working:
    """A running opsmcp that works on incidents."""

    services: Services
    driver: Driver
    clock: ShiftedClock
    world: World

    @property
    def calls(self) -> CallContext:
        return self.services.calls

    async def record(self, *signals: Signal) -> None:
        """What a delivery of a sender does."""
        await to_thread.run_sync(self.calls.incidents.signals().record, signals)

    def signal(self, delivery: str = "d1", **more: Any) -> Signal:
        now = self.clock.now()
        fields: dict[str, Any] = {
            "sender": "am",
            "delivery_id": delivery,
            "key": "k1",
            "status": Status.FIRING,
            "severity": Severity.WARNING,
            "kind": "DiskFull",
            "at": now,
            "received_at": now,
            "labels": {"alertname": "DiskFull", "instance": "h1:9100", "thing": "old"},
            "annotations": {},
            "data": {},
            "trusted": True,
        }
        return new_signal(**{**fields, **more})

    async def incidents(self) -> Sequence[Incident]:
        return [one for _, one in await self.driver.records.list(limit=1000)]

    async def until(self, *states: State, responder: str = "") -> Incident:
        """The newest incident of a responder, in one of these states, with its timeline."""
        with anyio.fail_after(60):
            while True:
                found = await self.driver.records.list(responder=responder, limit=1)
                if found and found[0][1].state in states:
                    whole = await self.driver.records.get(found[0][1].id)
                    assert whole is not None
                    return whole
                await anyio.sleep(0.1)

    async def decide(self, request: str, *, approves: bool, who: Principal = ANNA) -> None:
        requests = self.calls.requests.get()
        shown = await requests.find(request)
        await requests.decide(shown, who, approves=approves)


@asynccontextmanager
async def working(world: World) -> AsyncGenerator[Working]:
    """An opsmcp of these settings in this process, whose definitions are approved."""
    async with running("memory-modern", world.environ(), world.root) as run:
        services = services_of(run)
        if services.calls.config.policy.pin:
            await _approve_all(services)
        clock = ShiftedClock()
        services.calls.clock = clock
        services.calls.requests.get().claim_all()
        async with (
            investigating(services.calls) as investigator,
            responding(services.calls, investigator) as driver,
            AsyncExitStack() as stack,
        ):
            if services.calls.config.schedules:
                await stack.enter_async_context(inspecting(services.calls))
            yield Working(services, driver, clock, world)


@asynccontextmanager
async def served(
    world: World, environ: Mapping[str, str]
) -> AsyncGenerator[tuple[Working, Running]]:
    """The same over HTTP, with pages and addresses of senders."""
    environ = {**world.environ(), **environ}
    config = load(environ, cwd=world.root, people=True, senders=True)
    async with open_services(config, environ) as services, serving(services) as base:
        await services.calls.tools.wait_for_first_read()
        if services.calls.config.policy.pin:
            await _approve_all(services)
        async with (
            investigating(services.calls) as investigator,
            responding(services.calls, investigator) as driver,
        ):
            run = Running("http", "modern", environ, services, base)
            yield Working(services, driver, ShiftedClock(), world), run


async def _approve_all(services: Services) -> None:
    await approve_definitions(services)
    await services.calls.tools.discovery.refresh()
    with anyio.fail_after(60):
        while not (await services.calls.tools.current()).tools:  # noqa: ASYNC110 - none tells it
            await anyio.sleep(0.1)


def whys(incident: Incident) -> list[str]:
    """The timeline, as its states and reasons."""
    return [f"{entry.after}: {entry.why}" for entry in incident.log]
