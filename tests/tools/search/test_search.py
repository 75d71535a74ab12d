"""How search takes words, whatever the tools are."""

import time
from dataclasses import replace

import pytest

from opsmcp_pipelines.models import Task
from opsmcp_tools.search.index import Document, SearchIndex, document_of
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
        ("删除容器", "delete-pod"),
        ("有哪些节点", "list-nodes"),
        ("dn", None),
        ("cluster ip", "clusterip-of"),
        ("evict", "drain-node"),
        ("resta", "restart-web"),
        ("", None),
        ("the of and", None),
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


def test_words_that_fit_everything_find_something_and_others_nothing():
    many = index(*(f"pod-{number}-look" for number in range(150)))
    assert len(many.search("look pod")) == 5
    assert many.search("look pod 77")[0] == "pod-77-look"
    assert many.search("zebra") == ()


def test_a_rare_word_outweighs_a_common_one():
    found = index(web="restart web", db="restart db", cache="restart cache")
    assert found.search("restart db")[0] == "db"


def test_the_tool_whose_name_says_no_more_comes_first():
    found = index("restart-pod-of-gpu-manager", "restart-pod", "force-restart-pod")
    assert found.search("bounce the container")[0] == "restart-pod"


def test_a_query_that_names_no_change_finds_what_reads_first():
    found = SearchIndex(
        [
            Document("web-restart", (("web-restart", 3.0),), reads=False),
            Document("web-restart-log", (("web-restart-log", 3.0),), reads=True),
        ]
    )
    assert found.search("web")[0] == "web-restart-log"
    assert found.search("restart web")[0] == "web-restart"


def test_variants_that_nothing_asks_for_come_last():
    variants = {f"restart_pod_of_{team}": "restart" for team in ("shop", "chat", "mail")}
    found = index(**variants, restart_pod="restart", list_pods="")
    assert found.search("restart pod", most=2) == ("restart-pod", "list-pods")
    assert "restart-pod-of-mail" in found.search("restart pod of mail", most=2)


def test_every_word_of_the_table_has_one_idea_only():
    assert len(ideas()) > 300
    assert {stem(idea) for idea in ideas().values()} <= set(ideas())


def test_hostile_queries_are_bounded():
    begin = time.process_time()
    for query in ("a " * 100_000, "磁盘" * 100_000, "x" * 1_000_000, "${" * 5000, "\ud800\0"):
        assert len(SOME.search(query)) <= 5
    # Far above what it takes; without bounds it would be minutes.
    assert time.process_time() - begin < 2


def test_a_tool_is_found_by_its_variables_and_labels():
    labelled = replace(TOOL.operation, labels={"team": "storage"})
    assert isinstance(labelled, Task)
    found = SearchIndex([document_of(replace(TOOL, operation=labelled, tasks=(labelled,)))])
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
