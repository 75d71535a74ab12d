"""One pass over a shell script: its commands, what it assigns, compares and loops over.

Says nothing about good or bad; what flows where is in `flows`.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from opsmcp_pipelines.shell.flows import (
    FILE,
    Command,
    Flows,
    Place,
    file_key,
    reading,
    scoped,
    sink_of,
)
from opsmcp_pipelines.shell.tree import Part, Word, line_of, literal_word, text_of, word_of

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["FILE", "Command", "Place", "Reader", "Test"]

_HARMLESS_FILES = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr"})
_LOCAL = frozenset({"local", "declare", "typeset", "readonly"})
_DEEPEST = 40
_COMPARISONS = frozenset({"-eq", "-ne", "-lt", "-le", "-gt", "-ge"})
_VARIABLE = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Test:
    """A comparison or a test of one operand; `plain` when no other is joined to it."""

    operator: str
    left: Word | None
    right: Word
    double: bool
    plain: bool


@dataclass(slots=True)
class Reader(Flows):
    """What one script consists of.

    Raises:
        RecursionError: Expansions are nested deeper than anybody writes.
    """

    tests: list[Test] = field(default_factory=list[Test])
    cases: list[tuple[Word, bool]] = field(default_factory=list[tuple[Word, bool]])
    assignments: list[tuple[str, Word, bool]] = field(default_factory=list[tuple[str, Word, bool]])
    loops: list[Word] = field(default_factory=list[Word])
    uses: list[tuple[Part, Place, int]] = field(default_factory=list[tuple[Part, Place, int]])
    integers: set[str] = field(default_factory=set[str])

    def read(self, root: "Node", outer: Place) -> None:
        """Read a whole script."""
        pending = [(root, outer)]
        while pending:
            node, place = pending.pop()
            visit = self._VISITORS.get(node.type, Reader._children)
            pending += reversed(visit(self, node, place))
        self.connect_all()

    def _children(self, node: "Node", place: Place) -> "list[tuple[Node, Place]]":
        return [(child, place) for child in node.named_children]

    def _pipeline(self, node: "Node", place: Place) -> "list[tuple[Node, Place]]":
        return self._stages([c for c in node.named_children if c.type != "comment"], place)

    def _stages(self, stages: "Sequence[Node]", place: Place) -> "list[tuple[Node, Place]]":
        found: list[tuple[Node, Place]] = []
        stdin = place
        for number, stage in enumerate(stages):
            last = number == len(stages) - 1
            sink = place.sink if last else f"pipe:{stage.id}"
            found.append((stage, replace(stdin, sink=sink)))
            stdin = reading(place, f"pipe:{stage.id}")
        return found

    def _redirected(self, node: "Node", place: Place) -> "list[tuple[Node, Place]]":
        body = node.child_by_field_name("body")
        inner, more = place, list[tuple["Node", Place]]()
        for child in node.named_children:
            if child != body:
                inner, further = self._redirect(child, inner, place)
                more += further
        return [(body, inner), *more] if body is not None else more

    def _redirect(
        self, node: "Node", inner: Place, outer: Place
    ) -> "tuple[Place, list[tuple[Node, Place]]]":
        """Where a command stands behind a redirection, and what else is to be read in it."""
        if node.type == "file_redirect":
            return self._to_file(node, inner), self._children(node, outer)
        if node.type == "herestring_redirect":
            text = Word(tuple(p for c in node.named_children for p in word_of(c).parts))
            word = replace(text, line=line_of(node))
            return reading(inner, document=word), self._children(node, outer)
        if node.type != "heredoc_redirect":
            return inner, [(node, outer)]
        found: list[tuple[Node, Place]] = []
        start = next((c for c in node.named_children if c.type == "heredoc_start"), None)
        quoted = start is not None and re.search(r"['\"\\]", text_of(start)) is not None
        for child in node.named_children:
            if child.type == "heredoc_body":
                document = word_of(child, quoted=quoted)
                inner = reading(inner, document=document)
                found += self._document(child, document, outer, quoted=quoted)
            elif child.type == "file_redirect":
                inner = self._to_file(child, inner)
                found += self._children(child, outer)
            elif child.type == "pipeline":
                # What follows a here-document on its line stands within it.
                sink = f"pipe:{child.id}"
                inner = replace(inner, sink=sink)
                found += self._stages(child.named_children, reading(outer, sink))
            elif child.type not in ("heredoc_start", "heredoc_end", "file_descriptor"):
                found.append((child, outer))
        return inner, found

    def _document(
        self, node: "Node", word: Word, place: Place, *, quoted: bool
    ) -> "list[tuple[Node, Place]]":
        if not quoted:
            return self._children(node, place)
        self._use(word.parts, place, word.line)
        return []

    def _to_file(self, node: "Node", place: Place) -> Place:
        target = node.child_by_field_name("destination")
        signs = "".join(child.type for child in node.children if not child.is_named)
        if target is None or signs in ("<&", ">&") and target.type == "number":
            return place
        word = word_of(target)
        if signs.startswith("<"):
            return replace(reading(place, file_key(word)), source=word)
        if text_of(target) in _HARMLESS_FILES:
            return replace(place, sink="")
        self.written.append(word)
        return replace(place, sink=file_key(word))

    def _command(self, node: "Node", place: Place) -> "list[tuple[Node, Place]]":
        words: list[Word] = []
        assigned: list[tuple[str, Word]] = []
        found: list[tuple[Node, Place]] = []
        inner = place
        for child in node.named_children:
            if child.type == "variable_assignment":
                assigned += self._pair(child, place)
                found += self._children(child, place)
            elif child.type.endswith("redirect"):
                inner, further = self._redirect(child, inner, place)
                found += further
            elif child.type == "command_name":
                words.append(word_of(child.named_children[0]))
                found.append((child, place))
            else:
                words.append(word_of(child))
                if child.type not in ("word", "number"):
                    found.append((child, place))
        self.commands.append(Command(words, inner, line_of(node), assigned))
        return found

    def _pair(self, node: "Node", place: Place) -> Iterable[tuple[str, Word]]:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is not None:
            word = word_of(value) if value else literal_word("", line_of(node))
            self.assign(text_of(name), [word], place)
            yield text_of(name), word

    def _assignment(self, node: "Node", place: Place) -> "list[tuple[Node, Place]]":
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is None:
            return []
        index = name.type == "subscript"
        variable = (_VARIABLE.match(text_of(name)) or [""])[0]
        words = [literal_word("")]
        if value is not None:
            words = [word_of(c) for c in value.named_children] if value.type == "array" else []
            words = words if value.type == "array" else [word_of(value)]
        adds = index or any(child.type == "+=" for child in node.children)
        self.assign(variable, words, place, adds=adds)
        array = index or (value is not None and value.type == "array")
        bad = array or place.exported
        self.assignments += [(variable, word, bad) for word in words]
        inner = [(value, place)] if value is not None else []
        return [*inner, *(self._children(name, _number(place, "index")) if index else [])]

    def _declaration(self, node: "Node", place: Place) -> "list[tuple[Node, Place]]":
        """`export`, `local` and their like, as commands and as what they assign."""
        words = [literal_word(node.children[0].type, line_of(node))]
        words += [word_of(child) for child in node.named_children]
        self.commands.append(Command(words, place, line_of(node)))
        options = "".join(w.prefix for w in words if w.prefix.startswith("-"))
        self.renames = self.renames or "n" in options
        inner = replace(place, exported=bool(options) or words[0].literal not in _LOCAL)
        if "i" in options:
            names = (_VARIABLE.match(word.prefix) for word in words[1:])
            self.integers |= {name[0] for name in names if name}
        return self._children(node, inner)

    def _loop(self, node: "Node", place: Place) -> "list[tuple[Node, Place]]":
        variable = text_of(node.child_by_field_name("variable") or node)
        values = node.children_by_field_name("value")
        words = [word_of(value) for value in values]
        if not values:
            words = [Word((Part("$@", '"', name="@"),))]
        self.loops += words
        for word in words:
            for key in self.keys_of(word, place.function):
                self.flows[key].add(variable)
            self.assigned[variable].append(
                [replace(word, parts=scoped(word.parts, place.function))]
            )
        bodies = [(c, place) for c in node.named_children[1:] if c not in values]
        return [*((value, place) for value in values), *bodies]

    def _function(self, node: "Node", place: Place) -> "list[tuple[Node, Place]]":
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if name is None or body is None:
            return []
        self.functions.add(text_of(name))
        said = text_of(name)
        inner = Place(f"call:{said}", (f"in:{said}",), function=said)
        for child in node.named_children:
            if child.type.endswith("redirect"):
                inner, _ = self._redirect(child, inner, place)
        return [(body, inner)]

    def _substitution(self, node: "Node", place: Place) -> "list[tuple[Node, Place]]":
        part = Part(text_of(node), "", node.start_byte, "", node)
        self._use([part], place, line_of(node))
        inner = replace(_deeper(place), sink=sink_of(node), number="", exported=False)
        if node.type == "process_substitution":
            inner = reading(inner, FILE)
        return self._children(node, inner)

    def _expansion(self, node: "Node", place: Place) -> "list[tuple[Node, Place]]":
        [part] = word_of(node).parts
        self._use([part], place, line_of(node))
        if part.name:
            return []
        if default := re.match(r"\$\{(\w+):?=", part.text):
            self.assigned[default[1]].append(None)
            for key in self.keys_in(part, place.function):
                self.flows[key].add(default[1])
        inner = _deeper(place)
        if re.match(r"\$\{\w+(\[.*?\])?:(?![-+=?])", part.text):
            inner = _number(inner, "substring")
        found = [child for child in node.named_children if child.named_child_count]
        return [(child, inner) for child in found]

    def _subscript(self, node: "Node", place: Place) -> "list[tuple[Node, Place]]":
        return [(child, _number(place, "index")) for child in node.named_children[1:]]

    def _single(self, node: "Node", place: Place) -> "list[tuple[Node, Place]]":
        self._use(word_of(node).parts, place, line_of(node))
        return []

    def _bare_name(self, node: "Node", place: Place) -> "list[tuple[Node, Place]]":
        """A variable that arithmetic reads without a dollar sign."""
        if place.number and _VARIABLE.fullmatch(text_of(node)):
            self._use([Part("", "", node.start_byte, text_of(node), node)], place, line_of(node))
        return []

    def _arithmetic(self, node: "Node", place: Place) -> "list[tuple[Node, Place]]":
        if node.type == "compound_statement" and node.children[0].type != "((":
            return self._children(node, place)
        if node.type == "c_style_for_statement":
            body = node.child_by_field_name("body")
            inner = _number(place, "arithmetic")
            return [(c, place if c == body else inner) for c in node.named_children]
        return self._children(node, _number(_deeper(place), "arithmetic"))

    def _use(self, parts: Iterable[Part], place: Place, line: int) -> None:
        self.uses += [(part, place, line) for part in parts if part.expands]

    def _test(self, node: "Node", place: Place) -> "list[tuple[Node, Place]]":
        double = node.children[0].type == "[["
        pending = [(child, True) for child in node.named_children]
        found: list[tuple[Node, Place]] = []
        while pending:
            part, plain = pending.pop()
            operator = _operator(part)
            operands = [c for c in part.named_children if c.type != "test_operator"]
            if part.type == "parenthesized_expression" or operator in ("&&", "||", "!"):
                pending += (
                    [(child, plain and double) for child in operands]
                    if (operator != "!")
                    else [(child, plain) for child in operands]
                )
            elif part.type in ("binary_expression", "unary_expression") and operands:
                found += self._comparison(operator, operands, place, double=double, plain=plain)
            else:
                found.append((part, place))
        return found

    def _comparison(
        self, operator: str, operands: "list[Node]", place: Place, *, double: bool, plain: bool
    ) -> "list[tuple[Node, Place]]":
        words = [word_of(operand) for operand in operands]
        left = words[0] if len(words) > 1 else None
        self.tests.append(Test(operator, left, words[-1], double, plain))
        if operator == "=~":
            self.assign("BASH_REMATCH", words, place)
            self.assigned["BASH_REMATCH"].append(None)
        counts = double and operator in _COMPARISONS
        inner = _number(place, "comparison") if counts else place
        return [(operand, inner) for operand in operands]

    def _case(self, node: "Node", place: Place) -> "list[tuple[Node, Place]]":
        """A `case` and one of its items: what is compared, and the patterns."""
        pattern = node.type == "case_item"
        self.cases += [(word_of(c), pattern) for c in node.children_by_field_name("value")]
        return self._children(node, place)

    _VISITORS: ClassVar["dict[str, Callable[[Reader, Node, Place], list[tuple[Node, Place]]]]"] = {
        "ansi_c_string": _single,
        "arithmetic_expansion": _arithmetic,
        "c_style_for_statement": _arithmetic,
        "case_item": _case,
        "case_statement": _case,
        "command": _command,
        "command_substitution": _substitution,
        "compound_statement": _arithmetic,
        "declaration_command": _declaration,
        "expansion": _expansion,
        "for_statement": _loop,
        "function_definition": _function,
        "pipeline": _pipeline,
        "process_substitution": _substitution,
        "raw_string": _single,
        "redirected_statement": _redirected,
        "simple_expansion": _expansion,
        "subscript": _subscript,
        "test_command": _test,
        "unset_command": _declaration,
        "variable_assignment": _assignment,
        "variable_name": _bare_name,
        "word": _bare_name,
    }


def _number(place: Place, why: str) -> Place:
    return replace(place, number=why)


def _deeper(place: Place) -> Place:
    if place.depth >= _DEEPEST:
        raise RecursionError
    return replace(place, depth=place.depth + 1)


def _operator(node: "Node") -> str:
    found = node.child_by_field_name("operator")
    if found is not None:
        return text_of(found)
    return "!" if node.children and node.children[0].type == "!" else ""
