"""The part of google-re2 that opsmcp uses; the package ships no types."""

class error(Exception): ...

class Options:
    log_errors: bool
    max_mem: int

class Match: ...

class Regexp:
    def fullmatch(self, text: str) -> Match | None: ...
    def search(self, text: bytes) -> Match | None: ...

def compile(pattern: str | bytes, options: Options | None = None) -> Regexp: ...  # noqa: A001 - its name there
