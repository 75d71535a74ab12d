"""Runs a Python step: the same few lines for every step, so that no value is written into one.

Called as `python python_runner.py SCRIPT MARK`: in the script, `MARK` with a number stands for a
value, which is in the environment. Only when the script is parsed does the value take its place,
within a string, or as a number. Uses nothing but the standard library, because the step's
interpreter may know nothing else.
"""

import ast
import os
import re
import sys
from typing import Any

_PREFIX = "OPSMCP_V"


class _Filler(ast.NodeTransformer):
    def __init__(self, mark: str, values: dict[str, str]) -> None:
        self._mark = re.compile(re.escape(mark) + r"([0-9]+)_")
        self._values = values

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        value: Any = node.value
        if isinstance(value, bytes):
            filled: Any = self._fill(value.decode("latin-1"), as_bytes=True).encode("latin-1")
        else:
            filled = self._fill(value) if isinstance(value, str) else value
        return ast.copy_location(ast.Constant(filled, node.kind), node)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        found = self._mark.fullmatch(node.id)
        if found is None:
            return node
        value = self._values[found[1]]
        number = value.lstrip("-").isdecimal() and value.isascii()
        return ast.copy_location(ast.Constant(int(value) if number else value), node)

    def _fill(self, text: str, *, as_bytes: bool = False) -> str:
        def value(found: re.Match[str]) -> str:
            text = self._values[found[1]]
            return text.encode().decode("latin-1") if as_bytes else text

        return self._mark.sub(value, text)


def _main(path: str, mark: str) -> None:
    names = [name for name in os.environ if name.startswith(_PREFIX)]  # noqa: TID251 - the step's
    values = {name[len(_PREFIX) :]: os.environ.pop(name) for name in names}  # noqa: TID251
    with open(path, encoding="utf-8", newline="") as file:  # noqa: PTH123 - quick to start
        tree = ast.parse(file.read(), path)
    code = compile(ast.fix_missing_locations(_Filler(mark, values).visit(tree)), path, "exec")
    sys.argv[:] = [path]
    sys.path[0] = os.path.dirname(path)  # noqa: PTH120 - quick to start
    scope = {"__name__": "__main__", "__file__": path, "__builtins__": __builtins__}
    exec(code, scope)  # noqa: S102 - the author's script


if __name__ == "__main__":
    _main(*sys.argv[1:])
