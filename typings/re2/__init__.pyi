"""The part of google-re2 that opsmcp uses; the package ships no types."""

from collections.abc import Callable

class error(Exception): ...

class Options:
    log_errors: bool
    max_mem: int

class Match:
    def groups(self) -> tuple[str | None, ...]: ...

class Regexp:
    def fullmatch(self, text: str) -> Match | None: ...
    def search(self, text: str | bytes) -> Match | None: ...
    def sub(self, repl: Callable[[Match], str], text: str) -> str: ...

def escape(pattern: str) -> str: ...
def compile(pattern: str | bytes, options: Options | None = None) -> Regexp: ...  # noqa: A001 - its name there
