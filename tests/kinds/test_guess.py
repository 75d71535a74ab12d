"""What a variable means: a table over what Ops' own manifests declare."""

import pytest

from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.models import Variable
from opsmcp_tools.model.kind_rules import is_secret_name, kind_of, words_of

TABLE: dict[Kind, list[Variable]] = {
    Kind.CLUSTER: [Variable("cluster", desc="cluster")],
    Kind.HOST: [Variable("host", required=True), Variable("host", enums=("a",))],
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
        Variable("hostname"),
    ],
    Kind.COUNT: [
        Variable("topk", default="200"),
        Variable("threshold"),
        Variable("port"),
        Variable("seconds", default="20"),
        Variable("kib", default="100"),
        Variable("cpu_percent", default="80"),
        Variable("desired_gpu_count", default="8"),
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
    ],
    Kind.PATH: [
        Variable("path"),
        Variable("logpath", default="/var/log"),
        Variable("tmp_dir", default="/tmp/x"),
        Variable("localfile"),
        Variable("filename", default="/tmp/x"),
    ],
    Kind.CHOICE: [Variable("mood", default="calm", enums=("calm", "loud"))],
    Kind.PATTERN: [Variable("task", regex="^[0-9]*$"), Variable("pod", regex="^web-")],
    Kind.TOKEN: [
        Variable("keyword"),
        Variable("region"),
        Variable("bucket"),
        Variable("version", default="1"),
        Variable("size", default="100M"),
        Variable("logname", default="*log*"),
        Variable("service", desc="systemd unit"),
        Variable("image_list"),
        Variable("name"),
        Variable("mode", default="0755"),
        Variable("-"),
    ],
}
ROWS = [(variable, kind) for kind, variables in TABLE.items() for variable in variables]


@pytest.mark.parametrize(("variable", "kind"), ROWS, ids=[f"{v.name}-{k}" for v, k in ROWS])
def test_a_variable_means(variable: Variable, kind: Kind):
    assert kind_of(variable) is kind


def test_settings_override_everything_but_a_fixed_value():
    assert kind_of(Variable("keyword"), {"keyword": Kind.TEXT}) is Kind.TEXT
    assert kind_of(Variable("token"), {"token": Kind.TOKEN}) is Kind.TOKEN
    assert kind_of(Variable("keyword", value="x"), {"keyword": Kind.TEXT}) is Kind.BOUND


@pytest.mark.parametrize("name", ["secret_name", "secret_namespace", "token_count", "keyword", ""])
def test_a_name_near_a_secret_is_none(name: str):
    assert not is_secret_name(name)


def test_words_are_split_at_separators_and_capitals():
    assert words_of("podName-of_the.Node") == ("pod", "name", "of", "the", "node")
