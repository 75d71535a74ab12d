"""Hints: what is known to read, what is said to change, and what is not known."""

import pytest

from opsmcp_pipelines.models import Operation, Pipeline, Step, Task, TaskRef, Transfer, Variable
from opsmcp_tools.model.tool import Hints
from opsmcp_tools.toolbox.hints import infer_hints
from tests.tools.recorded import catalogue

READING = """
analysis-disk-usage bed-allowfailure bed-big bed-bytes bed-echo bed-fail bed-fixed bed-raw
bed-results bed-sleep get-dataset-status get-metrics-pod-not200 get-node-status get-os-usage get-pod
get-pod-logs-by-keyword get-pod-yaml get-public-ip inspect-pod-error inspect-pod-pending
inspect-pod-process inspect-pod-restart inspect-svc-error list-clusters list-datasets list-hosts
list-namespace list-nodes list-pipelines-for-copilot list-pod-bynode list-process-byio
search-clusterip
"""
NOT_KNOWN = """
bed-missingtask script
"""
ADDING = """
collect-gpu-log collect-npu-log cordon-node create-dataload create-namespace preload-image
retag-image sync-image uncordon-node
"""
DESTROYING = """
clear-disk clear-mount clear-pod delete-host delete-kas-job delete-pod delete-pod-bylog
delete-pod-force delete-pod-not200-bymetrics delete-pod-not200-bysvcmetrics drain-node
restart-containerd restart-fabricmanager restart-gpu-manager restart-gpu-manager-bypod
restart-kubelet restart-kubelet-bypod restart-node set-os
"""
EXPECTED = {
    **dict.fromkeys(READING.split(), "reads"),
    **dict.fromkeys(NOT_KNOWN.split(), "not known"),
    **dict.fromkeys(ADDING.split(), "adds"),
    **dict.fromkeys(DESTROYING.split(), "destroys"),
}


def hints(operation: Operation, *scripts: str) -> Hints:
    """Of an operation whose one task has these scripts."""
    steps = tuple(Step(f"s{number}", script) for number, script in enumerate(scripts))
    return infer_hints(operation, (Task("t", "n", steps=steps),), {})


def word(hints: Hints) -> str:
    if not hints.known:
        assert hints.destructive
        assert not (hints.read_only or hints.idempotent)
        return "not known"
    if hints.read_only:
        assert hints.idempotent
        assert not hints.destructive
        return "reads"
    return "destroys" if hints.destructive else "adds"


def test_every_recorded_pipeline_is_in_the_table():
    assert {pipeline.name for pipeline in catalogue().contents.pipelines} == set(EXPECTED)


@pytest.mark.parametrize("pipeline", catalogue().contents.pipelines, ids=lambda item: item.name)
def test_a_recorded_pipeline_is_known_for_what_it_does(pipeline: Pipeline):
    """Most scripts were left out of the recordings: there the author's words decide."""
    tasks = {task.name: task for task in catalogue().contents.tasks}
    own = tuple(tasks[ref.task] for ref in pipeline.tasks if ref.task in tasks)
    assert word(infer_hints(pipeline, own, {})) == EXPECTED[pipeline.name]


@pytest.mark.parametrize(
    ("reads", "expected"), [(True, "reads"), (False, "not known"), (None, "not known")]
)
def test_where_no_script_can_be_seen_the_source_says_what_a_step_does(
    reads: bool | None, expected: str
):
    step = Step("s", more="image: reporter", reads=reads)
    job = Task("report-x", "n", "a report", steps=(step,))
    assert word(infer_hints(job, (job,), {})) == expected


def test_what_a_source_says_counts_for_nothing_where_there_is_a_script():
    deleting = Task("t", "n", steps=(Step("s", "rm -rf /data", reads=True),))
    assert word(infer_hints(deleting, (deleting,), {})) == "not known"


@pytest.mark.parametrize(
    ("name", "desc", "expected"),
    [
        ("get-kubeconfig", "copy kubeconfig from etc", "destroys"),
        ("check-disk", "check the disk and clear it when full", "destroys"),
        ("check-disk", "Checks the disk, clears it when full", "destroys"),
        ("old-files", "Lists old files; deletes them when dry_run is false", "destroys"),
        ("check-and-restart", "look", "destroys"),
        ("get-x", "force it", "destroys"),
        ("disk", "Shows the disk and cleans when full", "destroys"),
        ("disk", "Restarts of pods in the last hour", "reads"),
        ("disk", "Changes since the last deploy", "reads"),
        ("clear-status", "clear it", "destroys"),
        ("create-backup", "create a backup and remove the old one", "destroys"),
        ("web", "重启服务", "destroys"),
        ("web", "检查并重启服务", "destroys"),
        ("top-nodes-bycpu", "list topK usage cpu of nodes", "reads"),
        ("disk-usage", "what fills the disk", "reads"),
        ("web", "Lists pods with state, restarts and age", "reads"),
        ("web", "Shows which node to drain", "reads"),
        ("web", "Checks that the web answers and reports how long it takes", "reads"),
        ("restart-check", "Checks why a pod restarts", "reads"),
        ("format-report", "Shows the format of the report", "reads"),
        ("frobnicate-node", "frobnicate", "reads"),
        ("web", "查看重启次数", "reads"),
        ("-", "", "reads"),
    ],
)
def test_steps_that_only_read_are_believed_unless_the_author_orders_a_change(
    name: str, desc: str, expected: str
):
    assert word(hints(Task(name, "n", desc), "df -h", "kubectl get pods")) == expected


@pytest.mark.parametrize(
    "script",
    [
        "#!/usr/bin/env python3\nprint(1)",
        "systemctl restart web",
        "rm -r /tmp/x",
        "orders --purge",
        "busybox rm x",
        "orders > /srv/orders",
    ],
)
def test_words_outweigh_no_step_that_can_be_seen_to_change(script: str):
    looking = Task("list-orders", "n", "Lists the orders")
    assert word(hints(looking, "df -h", script)) == "not known"


@pytest.mark.parametrize(
    ("name", "desc", "expected"),
    [
        ("orders", "Lists the orders", "reads"),
        ("orders", "Checks the orders and reports", "reads"),
        ("list-orders", "", "reads"),
        ("orders", "列出订单", "reads"),
        ("orders", "", "not known"),
        ("orders", "Orders of today", "not known"),
        ("orders", "Lists the orders, may delete some", "not known"),
        ("top-up-orders", "Fills customer accounts", "not known"),
        ("top-up-orders", "给所有账户充值", "not known"),
        ("alert-team", "Pages the team", "not known"),
        ("alert-team", "Silences the alerts", "destroys"),
    ],
)
def test_of_a_program_that_nobody_knows_the_authors_words_are_believed(
    name: str, desc: str, expected: str
):
    assert word(hints(Task(name, "n", desc), "df -h", "shop-orders --today")) == expected


@pytest.mark.parametrize("first", ["Checks it and reports, then", "Shows it;", "Lists it and"])
@pytest.mark.parametrize(
    "more",
    [
        *("empties it", "drops it", "trims it", "kicks idle users", "vacates the node"),
        *("bans the address", "zeroes it", "shuts it down", "forgets old ones", "frees the space"),
    ],
)
def test_an_author_who_tells_of_more_than_looking_is_not_taken_for_one_who_looks(
    first: str, more: str
):
    desc = f"{first} {more}."
    assert not hints(Task("cache", "n", desc), "/opt/shop/cache --go").read_only


@pytest.mark.parametrize(
    "desc",
    [
        "Lists pods and nodes of a cluster",
        "Shows which services are down and why",
        "Checks the disk, then the memory",
        "Lists pods that are not ready, newest first",
        "Checks the certificates of a host and reports days left",
        "Lists the largest files below a path and who owns them",
        "Shows connections per state and the processes behind them",
        "Checks the queue and reports its length; explains what it means",
    ],
)
def test_an_author_who_only_looks_is_still_believed(desc: str):
    assert word(hints(Task("cache", "n", desc), "/opt/shop/cache --go")) == "reads"


def test_a_transfer_of_files_is_not_known_to_read():
    copying = Task("get-x", "n", "get x", steps=(Step("s", transfer=Transfer()),))
    assert word(infer_hints(copying, (copying,), {})) == "not known"


@pytest.mark.parametrize(
    ("name", "desc", "expected"),
    [
        ("check-site", "Checks the site", "reads"),
        ("site", "How the site does", "reads"),
        ("site-status", "of the shop", "reads"),
        ("cdn", "All pages of the CDN", "not known"),
        ("cdn", "Empties the CDN", "destroys"),
        ("check-cdn", "Checks that the flush was done", "not known"),
    ],
)
def test_a_service_is_only_read_where_the_author_says_so(name: str, desc: str, expected: str):
    assert word(hints(Task(name, "n", desc), 'curl -s "${url}/x"')) == expected


def test_a_value_of_the_author_that_holds_code_hides_nothing():
    variables = (Variable("more", default="; rm -r /tmp/x"),)
    task = Task("list-x", "n", "lists x", variables=variables, steps=(Step("s", "ls ${more}"),))
    assert word(infer_hints(task, (task,), {})) == "not known"


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"opsmcp/read-only": "true"}, "reads"),
        ({"opsmcp/read-only": "false"}, "destroys"),
        ({"opsmcp/destructive": "true"}, "destroys"),
    ],
)
def test_a_task_of_a_pipeline_may_be_labelled_itself(labels: dict[str, str], expected: str):
    task = Task("t", "n", steps=(Step("s", "slackcat x"),), labels=labels)
    assert word(infer_hints(Pipeline("tell", "n", "tells the team"), (task,), {})) == expected


@pytest.mark.parametrize(
    "desc",
    [
        "Changes the owner of the export directory",
        "Change the owner of the export directory",
        "Grants a user a role",
        "Rebalances partitions",
        "Expands the volume and mounts it",
        "修改导出目录的属主",
    ],
)
def test_what_the_author_says_is_changed_is_known_to_change_and_a_label_says_how_bad_that_is(
    desc: str,
):
    labels = {"opsmcp/destructive": "false"}
    assert word(hints(Task("own", "n", desc), "/opt/own")) == "destroys"
    assert word(hints(Task("own", "n", desc, labels=labels), "/opt/own")) == "adds"


def test_a_label_that_tells_of_harm_alone_does_not_say_whether_something_changes():
    labels = {"opsmcp/destructive": "false", "opsmcp/idempotent": "true"}
    found = hints(Task("own", "n", "Owner of the export", labels=labels), "/opt/own")
    assert (found.read_only, found.destructive, found.known) == (False, False, False)


def test_what_is_labelled_read_only_and_destructive_is_destructive():
    labels = {"opsmcp/read-only": "true", "opsmcp/destructive": "true"}
    assert word(hints(Task("list-x", "n", "lists x", labels=labels), "df")) == "destroys"


def test_a_reading_name_does_not_hide_a_changing_task():
    hidden = Pipeline("get-it", "n", "get it", tasks=(TaskRef("a", "delete-pod"),))
    assert word(hints(hidden, "df -h")) == "not known"


def test_repeating_is_harmless_only_where_the_verb_says_so():
    assert hints(Task("cordon-node", "n")).idempotent
    assert not hints(Task("restart-node", "n")).idempotent


CONTESTED = {
    "rm -rf /var/log/old": "'rm'",
    'rm -r "${path}"': "'rm'",
    "rm -rf /tmp/*": "'rm'",
    "rm /tmp/../etc/x": "'rm'",
    "find /var -name x -delete": "'find -delete'",
    "ls | xargs rm": "'rm'",
    'ssh db-1 "rm -r /data"': "'rm'",
    "sudo systemctl restart nginx": "'systemctl restart nginx'",
    "kubectl -n prod delete pod x --force --grace-period=0": "'kubectl delete pod x'",
    "kubectl exec p -- kill 1": "'kill'",
    "docker rm -f x": "'docker rm x'",
    "clean() { pkill -f web; }; clean": "'pkill'",
}
HOLDING = (
    't=$(mktemp); df > "$t"; sort "$t"; rm -f "$t" "${t}.out"',
    "df > /tmp/df.$$; rm -f /tmp/df.$$",
    "sleep 9 & p=$!; kill $p; kill $!; kill -0 1",
    "kubectl delete pod x --dry-run=client",
    "echo rm -rf /",
    "/opt/own --report",
    "if (",
    "#!/usr/bin/env python3\nimport shutil",
)


def labelled(script: str) -> Hints:
    return hints(Task("list-x", "n", "Lists x", labels={"opsmcp/read-only": "true"}), script)


@pytest.mark.parametrize(("script", "seen"), CONTESTED.items())
def test_a_label_that_it_only_reads_is_not_believed_against_what_plainly_deletes_or_restarts(
    script: str, seen: str
):
    found = labelled(script)
    assert (word(found), found.contested) == ("destroys", f"{seen} in step s0")


@pytest.mark.parametrize("script", HOLDING)
def test_a_label_that_it_only_reads_holds_where_only_what_the_script_made_is_cleared(script: str):
    found = labelled(script)
    assert (word(found), found.contested) == ("reads", "")


def test_a_contested_label_of_a_task_counts_for_its_pipeline_and_settings_can_vouch_for_it():
    steps = (Step("look", "df"), Step("tidy", "rm -r /var/old"))
    task = Task("t", "n", steps=steps, labels={"opsmcp/read-only": "true"})
    pipeline = Pipeline("list-x", "n", "Lists x", tasks=(TaskRef("t", "t"),))
    assert infer_hints(pipeline, (task,), {}).contested == "'rm' in step tidy"
    vouched = infer_hints(pipeline, (task,), {"list-*": {"read_only": True}})
    assert (word(vouched), vouched.contested) == ("reads", "")


def test_labels_override_words_and_settings_override_labels():
    labels = {"opsmcp/read-only": "true", "opsmcp/idempotent": "maybe"}
    task = Task("frobnicate", "n", labels=labels)
    assert word(infer_hints(task, (task,), {})) == "reads"
    assert word(
        infer_hints(task, (task,), {"frob*": {"read_only": False, "destructive": True}})
    ) == ("destroys")
    assert word(infer_hints(task, (task,), {"other*": {"read_only": False}})) == "reads"
