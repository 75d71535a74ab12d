"""What a variable means: a table over what Ops' own manifests declare."""

import pytest

from opsmcp_pipelines.kinds.guess import kind_of, uses_units
from opsmcp_pipelines.kinds.kind import Kind, VariableKind, parse_kind
from opsmcp_pipelines.kinds.names import is_secret_name, words_of
from opsmcp_pipelines.models import Step, Task, Variable

TABLE: dict[Kind, list[Variable]] = {
    Kind.CLUSTER: [Variable("cluster", desc="cluster")],
    Kind.HOST: [
        Variable("host", required=True),
        Variable("host", enums=("a",)),
        *(Variable(name) for name in ("hostname", "server", "db_server", "domain", "fqdn")),
    ],
    Kind.CONTAINER: [Variable("container"), Variable("container_name"), Variable("srcContainer")],
    Kind.EMAIL: [Variable("email"), Variable("owner_email"), Variable("recipient")],
    Kind.USER: [Variable("user"), Variable("username"), Variable("owner"), Variable("group")]
    + [Variable("login"), Variable("db-user")],
    Kind.PACKAGE: [Variable("package"), Variable("pkg"), Variable("package_name")],
    Kind.SIZE: [Variable("size", default="100M"), Variable("max_size")],
    Kind.DURATION: [Variable("timeout"), Variable("interval", default="30s"), Variable("ttl")],
    Kind.SIGNAL: [Variable("signal", default="TERM")],
    Kind.UNIT: [
        Variable("unit"),
        Variable("service", desc="systemd unit"),
        Variable("unit_name", default="getty@tty1.service"),
    ],
    Kind.REF: [Variable("branch"), Variable("ref"), Variable("revision"), Variable("commit")],
    Kind.LOCATION: [
        Variable("src"),
        Variable("destination"),
        Variable("backup_source", default="deploy@db-1:/srv/x"),
    ],
    Kind.SELECTOR: [Variable("selector"), Variable("labels", default="app=web")],
    Kind.TIME: [Variable("since"), Variable("until"), Variable("date"), Variable("time")]
    + [Variable("start_time", default="2026-11-25 08:00")],
    Kind.SCHEDULE: [Variable("cron"), Variable("schedule", default="*/5 * * * *")],
    Kind.TEXT: [
        Variable(name)
        for name in ("message", "reason", "comment", "title", "pattern", "note", "notes", "subject")
    ],
    Kind.VERSION: [Variable("version", default="1"), Variable("image_tag", default="1.25-alpine")],
    Kind.BOUND: [
        Variable("host", value="anymaster"),
        Variable("color", value="blue"),
        *(
            Variable(name)
            for name in "ak sk token passwd secret_password aeskey kubeconfig keycontent".split()  # noqa: SIM905 - a table
        ),
        Variable("white"),
        Variable("whitelist", examples=("white1,white2",)),
        Variable("api-key"),
        Variable("sshKey"),
    ],
    Kind.KUBERNETES_NAME: [
        Variable("pod"),
        Variable("podname"),
        Variable("pod_name"),
        Variable("nodename"),
        Variable("svc"),
        Variable("namespace", default="ops-system"),
        Variable("target-namespace"),
        Variable("deploy"),
        Variable("dataset", desc="dataset name"),
        Variable("secret_name"),
        Variable("secret_namespace"),
        Variable("service"),
        Variable("service_name"),
    ],
    Kind.COUNT: [
        Variable("topk", default="200"),
        Variable("threshold"),
        Variable("port"),
        Variable("seconds", default="20"),
        Variable("kib", default="100"),
        Variable("cpu_percent", default="80"),
        Variable("desired_gpu_count", default="8"),
        Variable("niceness", default="-5"),
        Variable("pid"),
        Variable("uid"),
        Variable("timeout", default="30"),
        Variable("time", default="10"),
        Variable("size", default="5"),
    ],
    Kind.FLAG: [
        Variable("clear", default="false"),
        Variable("dry_run", default="true"),
        Variable("dryRun"),
        Variable("force"),
    ],
    Kind.IP: [Variable("ip"), Variable("clusterip"), Variable("dstip"), Variable("node_ip")],
    Kind.CIDR: [Variable("cidr"), Variable("podcidr"), Variable("subnet")],
    Kind.URL: [
        Variable("url"),
        Variable("endpoint"),
        Variable("prometheusapi"),
        Variable("download_url", default="https://a.example/${version}"),
        Variable("proxy", default="https://a.example"),
    ],
    Kind.IMAGE: [
        Variable("image"),
        Variable("source", display="source image"),
        Variable("destination", display="destination image"),
        Variable("image_name"),
        Variable("chart"),
    ],
    Kind.PATH: [
        Variable("path"),
        Variable("logpath", default="/var/log"),
        Variable("tmp_dir", default="/tmp/x"),
        Variable("localfile"),
        *(Variable(name) for name in ("archive", "mount", "mountpoint")),
        Variable("filename", default="/tmp/x"),
    ],
    Kind.CHOICE: [Variable("mood", default="calm", enums=("calm", "loud"))],
    Kind.PATTERN: [Variable("task", regex="^[0-9]*$"), Variable("pod", regex="^web-")],
    Kind.TOKEN: [
        Variable("keyword"),
        Variable("region"),
        Variable("bucket"),
        Variable("source", default="internal"),
        Variable("user", default="Domain\\Anna"),
        Variable("branch", examples=("the main one",)),
        Variable("logname", default="*log*"),
        Variable("name"),
        Variable("mode", default="0755"),
        Variable("-"),
    ],
}
ROWS = [(variable, kind) for kind, variables in TABLE.items() for variable in variables]


LISTS: list[tuple[Variable, str]] = [
    (Variable("nodes"), "list.kubernetes_name.comma"),
    (Variable("hosts"), "list.host.comma"),
    (Variable("host-list"), "list.host.comma"),
    (Variable("user_names", default="anna ben"), "list.user.blank"),
    (Variable("units"), "list.unit.comma"),
    (Variable("paths", examples=("/srv/a\n/srv/b",)), "list.path.line"),
    (Variable("packages"), "list.package.comma"),
    (Variable("image_list"), "list.image.comma"),
    (Variable("ips"), "list.ip.comma"),
    (Variable("pids"), "list.count.comma"),
    (Variable("ports", default="80,8000-8080"), "list.token.comma"),
    (Variable("seconds"), "count"),
    (Variable("dates"), "token"),
    (Variable("status"), "token"),
    (Variable("labels"), "selector"),
    (Variable("hosts", default="a;b"), "token"),
]


@pytest.mark.parametrize(("variable", "kind"), ROWS, ids=[f"{v.name}-{k}" for v, k in ROWS])
def test_a_variable_means(variable: Variable, kind: Kind):
    assert kind_of(variable).kind is kind
    assert not kind_of(variable).is_list


@pytest.mark.parametrize(("variable", "kind"), LISTS, ids=[v.name for v, _ in LISTS])
def test_the_plural_of_a_name_that_has_a_kind_is_a_list(variable: Variable, kind: str):
    assert str(kind_of(variable)) == kind
    assert kind_of(variable).guessed


def test_settings_override_everything_but_a_fixed_value():
    text, token = VariableKind(Kind.TEXT), VariableKind(Kind.TOKEN)
    assert kind_of(Variable("keyword"), {"keyword": text}) == text
    assert kind_of(Variable("token"), {"token": token}) == token
    assert kind_of(Variable("keyword", value="x"), {"keyword": text}).kind is Kind.BOUND


@pytest.mark.parametrize(
    ("script", "unit"),
    [
        ('systemctl restart "${service}"', True),
        ('journalctl -u "${service}"', True),
        ('sudo service "${service}" restart', True),
        ("true && service nginx stop", True),
        ('kubectl get service "${service}"', False),
        ("echo systemctl-like", False),
    ],
)
def test_a_service_is_a_unit_where_a_step_speaks_to_systemd(script: str, unit: bool):
    task = Task("t", "ops", steps=(Step("s", script),))
    kind = kind_of(Variable("service"), units=uses_units([task]))
    assert kind.kind is (Kind.UNIT if unit else Kind.KUBERNETES_NAME)


@pytest.mark.parametrize("name", ["secret_name", "secret_namespace", "token_count", "keyword", ""])
def test_a_name_near_a_secret_is_none(name: str):
    assert not is_secret_name(name)


def test_words_are_split_at_separators_and_capitals():
    assert words_of("podName-of_the.Node") == ("pod", "name", "of", "the", "node")


@pytest.mark.parametrize("declared", ["token", "text", "ref"])
def test_what_is_declared_takes_no_choice_of_the_author_away(declared: str) -> None:
    kind = parse_kind(declared)
    assert kind
    variable = Variable("action", enums=("status", "reload"))
    assert kind_of(variable, {"action": kind}) == VariableKind(Kind.CHOICE)
