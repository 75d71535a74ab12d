"""What an on-call engineer gives is taken: by the names that variables have in real pipelines."""

from dataclasses import replace
from typing import Any

import pytest

from opsmcp_pipelines.kinds.guess import kind_of
from opsmcp_pipelines.kinds.kind import Kind, VariableKind, parse_kind
from opsmcp_pipelines.models import Variable
from opsmcp_tools.arguments.value_checks import Refused, check_value
from opsmcp_tools.model.tool import Input
from opsmcp_tools.model.value_rules import NO_SCRIPT, ValueRules
from opsmcp_tools.toolbox.inputs import build_input
from tests.safety.conftest import NAME, Attacked
from tests.tools.corpus import INVENTORY, ORDINARY, VARIABLES

EMBEDDED = ValueRules(pasted=False, loopback=True)
DIGEST = "sha256:" + "0123456789abcdef" * 4

BY_NAME: dict[str, tuple[object, ...]] = {
    "cluster": ("east", "west"),
    "host": ("web-1", "web-2"),
    "pod": ("web-7d4b9c6f5d-x2x9k", "postgres-0", "kube-apiserver-master1.example.com"),
    "podname": ("coredns-5d78c9869d-4zq7k",),
    "namespace": ("kube-system", "default", "team-a"),
    "nodename": ("ip-10-0-0-1.eu-west-1.compute.internal", "master1", "gke-pool-1-abc"),
    "deployment": ("ingress-nginx-controller",),
    "svc": ("web", "kube-dns"),
    "pvc": ("data-postgres-0",),
    "image": (
        "nginx",
        "nginx:1.25-alpine",
        "registry.example:5000/team/app:v1.2.3_rc1",
        f"app@{DIGEST}",
        f"ghcr.io/org/repo:1.0@{DIGEST}",
        "quay.io/prometheus/node-exporter:v1.8.2",
    ),
    "ip": (
        "10.0.0.7",
        "192.168.1.254",
        "fd00::7",
        "2001:db8::1",
        "::ffff:10.0.0.1",
        "8.8.8.8",
        "169.254.20.10",
    ),
    "cidr": ("10.0.0.0/16", "192.168.1.4/32", "fd00::/8", "0.0.0.0/0"),
    "url": (
        "https://a.example/healthz?verbose=1",
        "http://prometheus.monitoring.svc.cluster.local:9090/api/v1/query?query=up",
        "http://10.0.0.7:8080/metrics",
        "https://a.example/a%20b/c%2Fd",
        "https://xn--mnchen-3ya.example/",
        "https://a.example:8443/x,y",
    ),
    "endpoint": ("https://s3.eu-west-1.amazonaws.com", "http://minio.storage:9000"),
    "path": (
        "/",
        "/var/log/nginx/access.log.1",
        "/var/lib/docker/overlay2/",
        "/etc/systemd/system/a@b.service",
    ),
    "logfile": ("/var/log/syslog",),
    "port": (80, "443", 65535, 8080.0),
    "topk": (20, "200"),
    "seconds": (300, "30"),
    "percent": (80, "95", 0),
    "replicas": (0, 3),
    "force": (True, "false"),
    "selector": (
        "app=web",
        "app=web,tier=front",
        "app.kubernetes.io/name=ingress-nginx",
        "tier!=db,app=web",
        "node-role.kubernetes.io/control-plane=",
    ),
    "duration": ("5m", "1h30m", "300s", "30d", "1.5h"),
    "memory": ("500Mi", "1.5Gi", "250m", "2G", "1e3"),
    "ref": ("main", "refs/heads/feature/x-1", "v1.2.3", "HEAD~1", "4f2a9c1", "a/b.c_d"),
    "version": ("1.13.7", "1.2~rc1-1", "v1.30.0+k3s1"),
    "date": ("2026-11-25", "2026-11-25T08:00:00Z", "2026-11-25T08:00:00+01:00", "yesterday"),
    "unit": ("nginx.service", "getty@tty1.service", "docker.socket", "nginx"),
    "user": ("www-data", "_apt", "anna.b"),
    "domain": (
        "www.example.com",
        "_sip._tcp.example.com",
    ),
    "identifier": ("3f2504e0-4f89-11d3-9a0c-0305e82c3301", "i-0abcd1234ef567890"),
    "keyword": (
        "OOMKilled",
        "ERROR",
        "connection-refused",
        "0x7f",
        "E1017",
        "metadata",
    ),
    "level": ("warn", "ERROR", 3),
    "ports": ("80,443", "8000-8080"),
    "interface": ("eth0", "bond0.100", "wg-mesh"),
    "ticket": ("OPS-1042",),
    "server": ("127.0.0.1", "169.254.20.10", "web-1.example", "db_1"),
}
TEXT = (
    "O'Brien",
    "磁盘满了吗",
    "磁盘满了，请清理！谁来处理？（今晚）",
    "重启：web-1～web-3…",
    "two words; and more!",
    "50% (of it) & *, see #12 <now>",
    "naïve café, 5 €, Ω",
    "a|b {c} [d] ~ ^ ?",
    "no disk left on web-1 \U0001f600",
)
DECLARED = {
    ("role", "ref"): ("projects/p/roles/viewer",),
    ("resource", "ref"): ("deploy/web", "pod/web-0"),
    ("bucket", "image"): ("oci://registry.example/charts/app",),
    ("device", "path"): ("/dev/sda1", "/dev/mapper/vg0-root"),
    ("block", "cidr"): ("169.254.169.0/24",),
    ("block", "selector"): ("a=b,c=1.2.3", "exit=137"),
    ("racks", "list.host.comma"): ("r1,r2", "10.0.0.1,10.0.0.2"),
}
"""Ordinary values that are no single word: their author says what they are."""

MATCHED = (
    *("arn:aws:iam::123456789012:role/ops", "anna@example.com", "on-call+night@example.com"),
    *("5:24.0.7-1~ubuntu.22.04~jammy", "90%", "example.com.", "s3://logs/2026/11/"),
    *("aa:bb:cc:dd:ee:ff", DIGEST, "aGVsbG8gd29ybGQ=", "YWJj/+==", "127.0.0.1:53", "53/udp"),
    *("web-1.example:8080/healthz", "root@web-1", "web-1:8080", "10.0.0.7:9100", "/etc/hosts~"),
    *("/data/2026-11-25T08:00:00+01:00.tar", "/mnt/c:d/e%f", "db.internal:5432", "a=b,c"),
)
"""Values of no other kind: their author gives a regex."""

ONLY_EMBEDDED = {
    "url": (
        "https://a.example/x?a=1&b=2",
        "http://prometheus:9090/api/v1/query_range?query=up&start=1&end=2&step=15s",
        "https://a.example/~anna/",
        "http://127.0.0.1:8080/healthz",
    ),
    "comment": ('say "hello"', "C:\\temp", "costs 5$", "`code`"),
}
"""Safe where values never become part of a script, and code where Ops pastes them."""

SEARCHED = ("${HOME}", '"level":"error"', "C:\\x", "磁盘；满", "a\tb", "$(id)", "-x", "ﬁ", "a\nb")

ROWS = [(name, value) for name, values in BY_NAME.items() for value in values]


def _input(name: str, rules: ValueRules) -> Input:
    variable = Variable(name)
    kind = kind_of(variable)
    built = build_input(variable, kind, INVENTORY)
    return replace(built, rules=rules)


def test_there_are_enough() -> None:
    assert len(ROWS) + len(TEXT) >= 100


@pytest.mark.parametrize("rules", [ValueRules(), EMBEDDED], ids=["Ops", "embedded"])
def test_an_ordinary_value_is_taken(rules: ValueRules) -> None:
    every = [*ROWS, *(("comment", text) for text in TEXT)]
    for name, value in every:
        taken = check_value(_input(name, rules), value)
        assert check_value(_input(name, rules), taken) == taken


@pytest.mark.parametrize(("name", "kind"), DECLARED)
def test_an_ordinary_value_is_taken_when_its_author_says_what_it_is(name: str, kind: str) -> None:
    declared = parse_kind(kind)
    assert declared is not None
    guessed = _input(name, ValueRules())
    for value in DECLARED[name, kind]:
        assert check_value(build_input(Variable(name), declared, INVENTORY), value)
        with pytest.raises(Refused, match="opsmcp/kind"):
            check_value(replace(guessed, separator=None), value)


@pytest.mark.parametrize("value", MATCHED)
def test_an_ordinary_value_of_no_kind_is_taken_with_a_regex(value: str) -> None:
    matched = build_input(Variable("x", regex=".+"), VariableKind(Kind.PATTERN), INVENTORY)
    assert check_value(matched, value) == value
    with pytest.raises(Refused):
        check_value(_input("zone", ValueRules()), value)


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in ONLY_EMBEDDED.items() for value in values]
)
def test_more_is_taken_where_nothing_is_pasted(name: str, value: str) -> None:
    assert check_value(_input(name, EMBEDDED), value) == value
    with pytest.raises(Refused):
        check_value(_input(name, ValueRules()), value)


def test_words_to_search_for_may_be_anything_of_their_length() -> None:
    searched = Input("search", Kind.TEXT, {}, maximum=20, rules=NO_SCRIPT)
    assert [check_value(searched, text) for text in SEARCHED] == list(SEARCHED)
    with pytest.raises(Refused, match="too long"):
        check_value(searched, "a" * 21)


async def test_ordinary_values_are_planned(near: Attacked) -> None:
    every: list[tuple[Kind, Any]] = [(kind, value) for kind in ORDINARY for value in ORDINARY[kind]]
    every += [(Kind.TEXT, text) for text in TEXT]
    for kind, value in every:
        call = {"name": NAME, "arguments": {VARIABLES[kind].name: value}}
        plan = await near.client.call_tool("plan_operation", call)
        assert not plan.is_error, (value, plan.content)
