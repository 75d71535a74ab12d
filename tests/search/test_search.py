"""How search takes words, whatever the tools are."""

import time
from dataclasses import replace

import pytest

from opsmcp_pipelines.models import Task
from opsmcp_tools.search.implications import rules
from opsmcp_tools.search.index import Document, SearchIndex, document_of
from opsmcp_tools.search.spelling import Spellings
from opsmcp_tools.search.synonyms import expressions
from opsmcp_tools.search.vocabulary import ideas, stem
from tests.tools.corpus import TOOL


def index(*names: str, **about: str) -> SearchIndex:
    told = {name.replace("_", "-"): text for name, text in about.items()}
    texts = {**dict.fromkeys(names, ""), **told}
    return SearchIndex(
        Document(name, ((name, 3.0), (text, 1.0))) for name, text in sorted(texts.items())
    )


SOME = index("restart-web", "delete-pod", "list-nodes", "check-dns", "clusterip-of", "drain-node")


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("bouncing the web", "restart-web"),
        ("重启 web", "restart-web"),
        ("RESTART", "restart-web"),
        ("restrat", "restart-web"),
        ("rstart", "restart-web"),
        ("删除容器", "delete-pod"),
        ("有哪些节点", "list-nodes"),
        ("dn", None),
        ("cluster ip", "clusterip-of"),
        ("evict", "drain-node"),
        ("resta", "restart-web"),
        ("", None),
        ("the of and", None),
        ("of", "clusterip-of"),
        ("quux", None),
        ("?!…", None),
    ],
)
def test_words_find_what_they_mean(query: str, first: str | None):
    assert next(iter(SOME.search(query)), None) == first


def test_what_is_used_more_comes_first_among_equals():
    same = index("check-x", "check-y")
    assert same.search("check") == ("check-x", "check-y")
    assert same.search("check", uses={"check-y": 5}) == ("check-y", "check-x")


def test_only_what_is_kept_is_found_and_no_more_than_wanted():
    many = index(*(f"check-{letter}" for letter in "abcdefgh"))
    assert len(many.search("check")) == 5
    assert many.search("check", most=2, keep=lambda name: name > "check-c") == (
        "check-d",
        "check-e",
    )


def test_a_rare_word_outweighs_a_common_one():
    found = index(web="restart web", db="restart db", cache="restart cache")
    assert found.search("restart db")[0] == "db"


def test_the_tool_whose_name_says_no_more_comes_first():
    found = index("restart-pod-of-gpu-manager", "restart-pod", "force-restart-pod")
    assert found.search("bounce the container")[0] == "restart-pod"


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("CrashLoopBackOff", "inspect-restarts"),
        ("journalctl -u nginx", "service-logs"),
        ("is nginx up", "service-logs"),
        ("who owns 10.0.0.7", "find-address"),
        ("is https://shop.example/ slow", "check-url"),
        ("有个 pod 删不掉", "force-delete-pod"),
        ("docker is dead", "restart-docker"),
        ("PodCrashLoopBackOff", "inspect-restarts"),
        ("crashlop backoff", "inspect-restarts"),
    ],
)
def test_turns_of_speech_stand_for_what_they_mean(query: str, first: str | None):
    found = index(
        "inspect-restarts", "service-logs", "find-address", "check-url", "force-delete-pod",
        "restart-docker",
    )  # fmt: skip
    assert next(iter(found.search(query)), None) == first


def test_the_name_of_a_machine_is_not_what_is_asked_for():
    found = index("restart-gpu-node", "list-pods", "check-node-2")
    assert found.search("pods on gpu-node-2")[0] == "list-pods"
    assert found.search("check-node-2")[0] == "check-node-2"


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("who is constantly writing to that disk", "find-disk-io"),
        ("谁在往硬盘里写", "find-disk-io"),
        ("please move all the pods of it to another node", "drain-node"),
        ("no more new pods on node7", "cordon-node"),
        ("别往 node7 放东西", "cordon-node"),
    ],
)
def test_words_mean_together_what_none_means_alone(query: str, first: str):
    found = index("find-disk-io", "disk-usage", "drain-node", "cordon-node", "list-pods")
    assert first in found.search(query, most=2)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("why was the web restarted", "web-restart-reasons"),
        ("restart the web", "web-restart"),
        ("it is down, restart web", "web-restart"),
        ("web 为什么重启", "web-restart-reasons"),
        ("把 web 重启一下", "web-restart"),
    ],
)
def test_who_asks_finds_what_reads_and_who_commands_what_changes(query: str, first: str):
    found = SearchIndex(
        [
            Document("web-restart", (("web-restart", 3.0),), reads=False),
            Document("web-restart-reasons", (("web-restart-reasons", 3.0),), reads=True),
        ]
    )
    assert found.search(query)[0] == first


def test_variants_that_nothing_asks_for_come_last():
    variants = {f"restart_pod_of_{team}": "restart" for team in ("shop", "chat", "mail")}
    found = index(**variants, restart_pod="restart", list_pods="")
    assert found.search("restart pod", most=2) == ("restart-pod", "list-pods")
    assert "restart-pod-of-mail" in found.search("restart pod of mail", most=2)


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        ("restrat", "restart"),
        ("hsot", "host"),
        ("kublet", "kubelet"),
        ("bins", None),
        ("loud", None),
    ],
)
def test_slips_are_mended_and_ordinary_words_are_not(asked: str, known: str | None):
    assert next(iter(Spellings([]).meant_by(asked)), None) == known


def test_what_words_mean_together_is_something_known():
    means = {idea for _, ideas_meant in rules() for idea in ideas_meant}
    assert {idea for idea in means if stem(idea) not in ideas()} <= {"200", "manager"}


def test_every_expression_means_something_known():
    means = {idea for said in expressions().values() for idea in said}
    assert {idea for idea in means if stem(idea) not in ideas()} <= {"200", "manager"}
    assert all(len(said.split()) <= 5 for said in expressions())


def test_hostile_queries_are_bounded():
    begin = time.process_time()
    for query in ("a " * 100_000, "磁盘" * 100_000, "x" * 1_000_000, "${" * 5000, "\ud800\0"):
        assert len(SOME.search(query)) <= 5
    # Far above what it takes; without bounds it would be minutes.
    assert time.process_time() - begin < 2


def test_a_tool_is_found_by_its_variables_and_labels():
    labelled = replace(TOOL.operation, labels={"team": "storage"})
    assert isinstance(labelled, Task)
    found = SearchIndex([document_of(replace(TOOL, operation=labelled), [labelled])])
    assert found.search("storage") == found.search("cidr") == ("everything",)


@pytest.mark.parametrize(
    ("words", "root"),
    [
        ("restart restarts restarted restarting", "restart"),
        ("query queries", "query"),
        ("node nodes", "node"),
        ("stopped stopping stops", "stop"),
        ("process status dns", None),
    ],
)
def test_endings_do_not_matter(words: str, root: str | None):
    for word in words.split():
        assert stem(word) == stem(root or word) == (root or word)
