"""Where a model may act: at the places that the signal names, in any spelling, and nowhere else."""

from dataclasses import replace
from typing import Any

import pytest

from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.models import Host
from opsmcp_server.agent.places import foreign_argument
from opsmcp_tools.model.tool import Input
from tests.tools.incidents.signals import make
from tests.tools.recorded import tool

_HOSTS = [
    Host("web1", "ops-system", address="10.0.0.7", hostname="web-1.example.com\n"),
    Host("db1", "ops-system", address="10.0.0.8", hostname="same"),
    Host("db2", "ops-system", address="10.0.0.9", hostname="same"),
]


def _foreign(inputs: list[Input], arguments: dict[str, str], **labels: str) -> str:
    made = replace(tool("get-pod"), inputs=tuple(inputs), bound=(), tasks=())
    return foreign_argument(made, arguments, make(labels=labels), _HOSTS)


def _input(name: str, kind: Kind = Kind.TOKEN, **more: Any) -> Input:
    return Input(name, kind, {}, **more)


@pytest.mark.parametrize(
    ("name", "kind", "value", "labels", "foreign"),
    [
        ("server", Kind.TOKEN, "h1", {"instance": "h1:9100"}, False),
        ("server", Kind.TOKEN, "H1.", {"instance": "h1:9100"}, False),
        ("server", Kind.TOKEN, "h2", {"instance": "h1:9100"}, True),
        ("server", Kind.TOKEN, "h1,h2", {"instance": "h1:9100"}, True),
        ("server", Kind.TOKEN, "all", {"instance": "all"}, True),
        ("server", Kind.TOKEN, "h1", {"instance": "h1,h2"}, True),
        ("server", Kind.TOKEN, "h1", {}, True),
        ("host", Kind.HOST, "web1", {"instance": "10.0.0.7:9100"}, False),
        ("host", Kind.HOST, "web1", {"host": "web-1.example.com"}, False),
        ("host", Kind.HOST, "db1", {"host": "same"}, True),
        ("host", Kind.HOST, "web1", {"host": "web1; touch x"}, True),
        ("nodename", Kind.KUBERNETES_NAME, "n1", {"node": "n1"}, False),
        ("namespace", Kind.KUBERNETES_NAME, "kube-system", {"namespace": "web"}, True),
        ("cluster", Kind.CLUSTER, "prod", {"cluster": "prod"}, False),
        ("cluster", Kind.CLUSTER, "prod", {"instance": "h1"}, True),
        ("endpoint", Kind.URL, "http://h1:80/x", {"instance": "h1:9100"}, False),
        ("endpoint", Kind.URL, "http://evil.example/x?h1", {"instance": "h1:9100"}, True),
        ("ip", Kind.IP, "10.0.0.8", {"instance": "10.0.0.7:9100"}, True),
        ("name", Kind.TOKEN, "anything", {}, False),
    ],
)
def test_an_argument_names_a_place_of_the_signal_or_is_refused(
    name: str, kind: Kind, value: str, labels: dict[str, str], foreign: bool
) -> None:
    assert _foreign([_input(name, kind)], {name: value}, **labels) == (name if foreign else "")


def test_what_is_left_out_means_what_its_author_wrote_but_never_every_place() -> None:
    assert _foreign([_input("host", Kind.HOST, default="web1")], {}, instance="h1") == ""
    assert _foreign([_input("host", Kind.HOST, default="all")], {}, instance="h1") == "host"
    assert _foreign([_input("namespace")], {}, instance="h1") == ""
    assert _foreign([_input("namespace")], {}, namespace="web") == "namespace"
