"""A fake program for the PATH: it records how it was called and gives canned answers.

Run as a script it is the program itself: `python program.py FOLDER ARGUMENT...`.
"""

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["FakeProgram", "answer_call"]


class FakeProgram:
    """One installed program: put `folder` on the PATH, then look at `calls`."""

    def __init__(self, folder: Path, name: str) -> None:
        self._state = folder / f"{name}.state"
        self._state.mkdir(parents=True)
        (self._state / "answers").mkdir()
        program = folder / name
        parts = (sys.executable, "-I", __file__, str(self._state))
        program.write_text(f'#!/bin/sh\nexec {shlex.join(parts)} "$@"\n', encoding="utf-8")
        program.chmod(0o755)

    def answer(
        self, *words: str, out: str = "", err: str = "", code: int = 0, once: bool = False
    ) -> None:
        """Answer so when all `words` are among the arguments; earlier answers go first."""
        answers = self._state / "answers"
        text = json.dumps({"words": words, "out": out, "err": err, "code": code, "once": once})
        number = len(list(answers.iterdir()))
        (answers / f"{number:03}.json").write_text(text, encoding="utf-8")

    @property
    def calls(self) -> list[list[str]]:
        """The arguments of every call so far, in order."""
        try:
            lines = (self._state / "calls").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines]


def answer_call(state: Path, arguments: Sequence[str]) -> int:
    """Record one call and answer it; 99 when no answer fits."""
    with (state / "calls").open("a", encoding="utf-8") as calls:
        calls.write(json.dumps(arguments) + "\n")
    for path in sorted((state / "answers").iterdir()):
        answer = json.loads(path.read_text(encoding="utf-8"))
        if set(answer["words"]) <= set(arguments):
            sys.stdout.write(answer["out"])
            sys.stderr.write(answer["err"])
            if answer["once"]:
                path.unlink()
            return answer["code"]
    sys.stderr.write(f"the fake has no answer to {list(arguments)}\n")
    return 99


if __name__ == "__main__":
    sys.exit(answer_call(Path(sys.argv[1]), sys.argv[2:]))
