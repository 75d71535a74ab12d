"""A session as the first Ops Copilot had it: operations, clusters, a restart, how it went.

The bundled operations run for real on the embedded engine, against a fake kubectl; the model is
scripted, in English and in Chinese.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.fakes.openai_server import Answer, Exchange, FakeOpenAI, calls, says
from tests.fakes.program import FakeProgram

_KUBECONFIG = """\
current-context: lab
contexts:
  - {name: lab, context: {cluster: lab}}
  - {name: live, context: {cluster: live}}
clusters:
  - {name: lab, cluster: {server: "https://lab.example:6443"}}
  - {name: live, cluster: {server: "https://live.example:6443"}}
"""

_PODS_BEFORE = "u-2 web-7d4b9c6f5-k8s2p Running true web-7d4b9c6f5\n"
_PODS_AFTER = f"{_PODS_BEFORE}u-3 web-7d4b9c6f5-x2x9p Running true web-7d4b9c6f5\n"

POD = "web-7d4b9c6f5-q4wzt"

_RESTART: tuple[str, dict[str, Any]] = (
    "force-restart-pod",
    {"cluster": "lab", "namespace": "shop", "pod": POD},
)
_RUN = re.compile(r"\brun (r-[a-z0-9]+)")


@dataclass(frozen=True)
class Exchanged:
    """What the person says, and what the model does about it."""

    question: str
    answers: tuple[Answer, ...]
    shown: str
    """The end of the answer."""

    asks: bool = False
    """Whether the person has to agree to something."""


def prepare(home: Path) -> FakeProgram:
    """A home with two clusters in its kubeconfig, and a kubectl in its `bin`."""
    (home / ".kube").mkdir()
    (home / ".kube" / "config").write_text(_KUBECONFIG, encoding="utf-8")
    (home / "bin").mkdir()
    kubectl = FakeProgram(home / "bin", "kubectl")
    kubectl.answer("get", f"pod/{POD}", out="u-1 ReplicaSet web-7d4b9c6f5")
    kubectl.answer("delete", out=f'pod "{POD}" force deleted\n')
    kubectl.answer("get", "pods", out=_PODS_BEFORE, once=True)
    kubectl.answer("get", "pods", out=_PODS_AFTER)
    return kubectl


def _asks_for_the_run(exchange: Exchange) -> None:
    """Calls get_run for the run that the conversation told of last."""
    fake: FakeOpenAI = exchange.fake
    told = "\n".join(str(message["content"]) for message in fake.requests[-1].messages)
    calls(("get_run", {"run": _RUN.findall(told)[-1]}))(exchange)


def _inventory(kind: str) -> Answer:
    return calls(("list_inventory", {"kind": kind}))


SESSIONS: Mapping[str, tuple[Exchanged, ...]] = MappingProxyType(
    {
        "en": (
            Exchanged(
                "which operations are there for pods?",
                (
                    _inventory("operations"),
                    says(
                        "For pods there are:\n\n"
                        "- `list-pods`, `describe-pod`, `get-pod-logs`: only read\n"
                        "- `restart-pod`: lets the pod end cleanly\n"
                        "- `force-restart-pod`: deletes it **at once**\n"
                    ),
                ),
                "at once",
            ),
            Exchanged(
                "list the clusters",
                (
                    _inventory("clusters"),
                    says("Two clusters: **lab** (the current one) and **live**."),
                ),
                "live",
            ),
            Exchanged(
                f"force restart pod {POD} in namespace shop of cluster lab",
                (
                    calls(_RESTART),
                    says(
                        f"`{POD}` was deleted. Its ReplicaSet has a new pod, "
                        "`web-7d4b9c6f5-x2x9p`, which is **Running**."
                    ),
                ),
                "Running",
                asks=True,
            ),
            Exchanged(
                "did that run succeed?",
                (
                    _asks_for_the_run,
                    says("Yes: the run of `force-restart-pod` **succeeded**."),
                ),
                "succeeded",
            ),
        ),
        "zh": (
            Exchanged(
                "有哪些操作?",
                (
                    _inventory("operations"),
                    says(
                        "与 Pod 有关的操作:`list-pods`、`restart-pod`、**`force-restart-pod`** 等。"
                    ),
                ),
                "等。",
            ),
            Exchanged(
                "列出集群",
                (_inventory("clusters"), says("有两个集群:**lab**(当前)和 **live**。")),
                "当前",
            ),
            Exchanged(
                f"强制重启 lab 集群 shop 命名空间中的 {POD}",
                (calls(_RESTART), says("已删除该 Pod,新的 Pod 正在启动。")),
                "正在启动",
                asks=True,
            ),
            Exchanged(
                "运行结果如何?",
                (_asks_for_the_run, says("运行**成功**。")),
                "成功",
            ),
        ),
    }
)
