"""What is read of a script is what dash and bash read."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsmcp_pipelines.shell.syntax import Node, Syntax, Unreadable, parse

SHELLS = {"/bin/sh": False, "bash": True}
PIECES = (
    *("a", "b", "1", " ", "\t", "\n", "'", '"', "\\", "#", "$", "`", "=", "-", "/", "}", "!", "%"),
    *(";", "&&", "|", "(", ")", "]]", "in", "do", "é", "<<E\n", "\nE\n", "$((1+2))", "$(echo z)"),
)


def commands(syntax: Syntax) -> list[Node]:
    return [node for node in syntax.nodes if node.kind == "command"]


def words(text: str) -> list[list[str | None]]:
    return [[word.literal for word in node.words] for node in commands(parse(text))]


@settings(max_examples=120)
@given(text=st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join))
def test_words_are_those_that_the_shells_make(text: str) -> None:
    for shell, bash in SHELLS.items():
        try:
            syntax = parse(f"show {text}\n", bash=bash)
        except Unreadable:
            continue
        [first, *more] = syntax.nodes
        if more or any(word.literal is None for word in first.words) or first.redirects:
            continue
        script = f"show() {{ printf '<%s>' \"$@\"; }}\nshow {text}\n"
        ended = subprocess.run([shell, "-c", script], capture_output=True, check=False)
        wanted = "".join(f"<{word.literal}>" for word in first.words[1:]) or "<>"
        assert ended.stdout.decode() == wanted or b"yntax error" in ended.stderr


READ = {
    "if a b; then c; elif d; then e; else f; fi | g": [
        ["a", "b"],
        ["c"],
        ["d"],
        ["e"],
        ["f"],
        ["g"],
    ],
    "while a; do b; done < f; until c; do d; done": [["a"], ["b"], ["c"], ["d"]],
    "for i in a b; do c; done\nfor j; do d; done\nfor ((i=0; i<3; i++)); do e; done": [
        ["c"],
        ["d"],
        ["e"],
    ],
    "case $a in (b|c) d;; *) e;& f*) g; esac": [["d"], ["e"], ["g"]],
    "f() { a; }\nfunction g { b; }; h() ( c )": [["a"], ["b"], ["c"]],
    'a $(b `c`) <(d) "$(e)"': [["a", None, None, None], ["b", None], ["c"], ["d"], ["e"]],
    "! a && b || c & d\n# e\n(f; g) 2>&1": [["a"], ["b"], ["c"], ["d"], ["f"], ["g"]],
    "cat <<A | b - <<'B'\n$(c)\nA\n$(d)\nB\ne": [["cat"], ["b", "-"], ["c"], ["e"]],
    "[[ a == b* && -n $c ]] && d; (( a + 1 )); e $((f * $(g)))": [["d"], ["e", None], ["g"]],
    "a=(b $(c)) d[1]=e f+=g export h=i": [["c"], ["export"]],
    "a \\\n b $'c\\n' 'd'\\''e'": [["a", "b", "c\n", "d'e"]],
    '${a:-b} ${#c} ${d//e/"f g"} ${h[1]} ${i%"j k"}': [[None, None, None, None, None]],
}


@pytest.mark.parametrize("text", READ)
def test_every_command_is_read(text: str) -> None:
    assert sorted(map(str, words(text))) == sorted(map(str, READ[text]))


def test_a_stage_of_a_pipeline_knows_what_it_reads_and_who_reads_it() -> None:
    first, last = commands(parse("a | { b; } | c"))[0], commands(parse("a | { b; } | c"))[-1]
    assert first.after is not None and first.after.kind == "group" and first.before is None
    assert last.before is not None and last.before.kind == "group" and last.after is None


UNREADABLE = [
    *("a (", "a )", "if a; then b", "a; fi", "{ a", "for 1 in a; do b; done", "case a b) c;; esac"),
    *("'a", '"a', "`a", "$(a", "${a", "${a b}", "$((a", "$[1]", "[[ a", "a <<E\nb", "coproc a"),
    *("select a in b; do c; done", "`a \\`b\\``", "a {b,$c}", "$'\\x6d'", "cat <<E\na\\\nE\n"),
    *(
        "x$y() { a; }",
        "f() a",
        "a <<$(b)\nc\n",
        "echo $(cat <<E)\na\nE\n",
        "{ " * 80 + "a;" + " }" * 80,
    ),
    *("for i in a; b", "((a", "$(" * 80 + ")" * 80, "a=(b", "case a in b c) d;; esac"),
]


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_is_not_understood_is_not_read(text: str) -> None:
    with pytest.raises(Unreadable):
        parse(text)


def test_what_only_bash_reads_so_is_not_read_for_other_shells(tmp_path: Path) -> None:
    for text in ("[[ a || b ]]", "$'a\\'b'"):
        assert parse(text).nodes
        with pytest.raises(Unreadable):
            parse(text, bash=False)
