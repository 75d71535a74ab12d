"""Masking: secrets do not leave, wherever text leaves. The one masker; pure.

It knows the exact values of secrets, how programs write them down (`disguises`), and the shapes
of common keys and tokens. What a program cuts, encrypts or encodes otherwise is not recognised.
Compiled once: two passes of RE2 over a text, because every output goes through it. Known values go
first, or a shape that ends within one would show the rest of it.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, cast

import re2

from opsmcp_pipelines.run import NodeReport, RunReport, StepReport, TaskReport
from opsmcp_tools.masking.encodings import Parts, as_text, in_base64, in_hexadecimal
from opsmcp_tools.model.run_record import MASK
from opsmcp_tools.model.tool import JsonObject
from opsmcp_tools.safe_text.cleaning import clean

if TYPE_CHECKING:
    from re2 import Regexp

__all__ = ["Masker"]

_SHORTEST = 4
"""Shorter values are left: masking `1` or `no` everywhere would only spoil the output."""

_LONGEST_COMPILED = 512
_MOST_KEPT = 128

_LINE_END = r"(?:(?:\\[rn]|[\r\n])+[ \t]*)?"
"""What may stand between two parts of an encoded text, also within JSON or indented YAML."""

# `NOPASSWD:` of sudoers names no password.
_NAMES = (
    r"password|(?:^|[^o]|(?:^|[^n])o)passwd|passphrase|secret_?key|access_?key|private_?key|account_?key|api[_-]?key"
    r"|aes_?key|client[_-]?secret|client-key-data|bind_?pw|secret|token|\bdsn|_pass"
)
_SHAPES = (
    r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----(?s:.*?)"
    r"(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|\z)",
    # The rest of one whose beginning was cut off.
    r"(?:[A-Za-z0-9+/=]{16,}(?:\\[rn]|\s)+)+-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----",
    # The same in base64, as a kubeconfig or a Secret has it.
    r"LS0tLS1CRUdJTi(?:BSU0EgUFJJVkFURS|BQUklWQVRFI|BFQyBQUklWQVRF|BPUEVOU1NIIFBSSVZBVE"
    r"|BFTkNSWVBURUQgUFJJVkFURS|BEU0EgUFJJVkFURS)[A-Za-z0-9+/]*"
    # In lines, of which the last is shorter.
    rf"(?:(?:{_LINE_END}[A-Za-z0-9+/]{{40,}})+(?:{_LINE_END}[A-Za-z0-9+/]+)?)?=*",
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})\b",
    r"\bglpat-[A-Za-z0-9_-]{20,}",
    r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
    r"\bsk-[A-Za-z0-9_-]{20,}",
    r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}",
    r"\bAIza[A-Za-z0-9_-]{35,}",
    r"\bnpm_[A-Za-z0-9]{36}\b",
    r"\bpypi-AgE[A-Za-z0-9_-]{16,}",
    r"\bhv[sbr]\.[A-Za-z0-9_-]{20,}",
    r"\bSG\.[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}",
    r"\bdo[opr]_v1_[0-9a-f]{64}\b",
    r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
    # Hashes of passwords, as in /etc/shadow.
    r"\$(?:1|5|6|7|y|apr1|2[aby])\$[./A-Za-z0-9=,]+\$?[./A-Za-z0-9$]{16,}",
)
_NAMED = rf"(?i:(?:{_NAMES})\\?[\"']?[ \t]*[=:][ \t]*"
_KEPT_SHAPES = (
    (
        r"(?i:\bauthorization\\?[\"']?[ \t]*[=:][ \t]*\\?[\"']?[a-z][a-z0-9-]*[ \t]+)",
        r"[^\s\"'*\\][^\s\"'\\]{3,}",
    ),
    (
        r"(?i:\bauthorization\\?[\"']?[ \t]*[=:][ \t]*\\?[\"']?)",
        r"[^\s\"'*\\][^\s\"'\\]{19,}",
    ),
    (r"(?i:\b(?:bearer|basic)[ \t]+)", r"[A-Za-z0-9._~+/-]{12,}=*"),
    (r"(?i:\b(?:set-)?cookie:[ \t]*)", r"[^\s*][^\r\n]{3,}"),
    (r"://[^\s:/@\"']{0,128}:", r"[^\s:/@\"'*][^\s/\"']*@"),
    (r"://", r"[^\s:/@\"'*]{20,}@"),
    (r"(?i:hooks\.slack\.com/services/|x-amz-(?:signature|security-token)=)", r"[\w/%+=-]{8,}"),
    (rf"{_NAMED}\")", r"[^\"\\*][^\"\n\\]{2,}"),
    (rf"{_NAMED}')", r"[^'*][^'\n]{2,}"),
    (
        rf"{_NAMED}\\?[\"']?)",
        r"[^\s\"'*<>$&,;(){}\[\]\\][^\s\"'&,;\\]{3,}",
    ),
    (
        r"(?i:\b(?:[a-z0-9]+_)?pwd[\"']?[ \t]*[=:][ \t]*[\"']?)",
        r"[^\s\"'/~.*<>$&,;(){}\[\]\\][^\s\"'&,;\\]{3,}",
    ),
    (r"(?i:\"auth\"[ \t]*:[ \t]*\")", r"[A-Za-z0-9+/]{8,}=*"),
    (
        r"(?i:--(?:password|passwd|pass|token|secret|api-key)[ \t]+[\"']?"
        r"|\bsshpass[ \t]+-p[ \t]*[\"']?|\blogin[ \t]+\S+[ \t]+password[ \t]+|\bbindpw[ \t]+"
        r"|\bcurl[ \t].{0,99}[ \t]-u[ \t]+[\"']?[\w.@-]{1,64}:|\bpass=[\"']?)",
        r"[^\s\"'*$<-][^\s\"']{3,}",
    ),
    (r"\bmysql[a-z]*[ \t].{0,80}[ \t]-p[\"']?", r"[^\s\"'*$<-][^\s\"']{3,}"),
)
"""What stands before a secret, and the secret."""

_NO_SECRETS = re.compile(
    r"(?i)authentication|authorization|required|expired|invalid|missing|undefined|null|none|true"
    r"|false|retry|unset|changed"
)
"""Words that logs have where a secret could stand."""


class Masker:
    """Replaces secrets in text. Not changed after it was built; `also` gives a wider one."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Know these values and the shapes; values of fewer than 4 characters are left alone."""
        self._secrets = _worth_masking(secrets)
        self._wider: dict[frozenset[str], Masker] = {}

    def also(self, secrets: Iterable[str]) -> "Masker":
        """One that knows these values, too."""
        unknown = _worth_masking(secrets) - self._secrets
        if not unknown:
            return self
        found = self._wider.get(unknown)
        if found is None:
            if len(self._wider) >= _MOST_KEPT:
                self._wider.clear()
            found = self._wider[unknown] = Masker(self._secrets | unknown)
        return found

    def text(self, text: str) -> str:
        """The text with every secret replaced. Masking twice changes nothing."""
        try:
            return self._mask(text)
        except UnicodeEncodeError:
            return self._mask(text.encode("utf-8", "replace").decode())

    def value(self, data: JsonObject) -> JsonObject:
        """The JSON object with every text in it masked; names stay."""
        return {name: self._anything(item) for name, item in data.items()}

    def _anything(self, item: Any) -> Any:
        if isinstance(item, str):
            return self.text(item)
        if isinstance(item, dict):
            return self.value(cast("JsonObject", item))
        if isinstance(item, list):
            return [self._anything(one) for one in cast("list[Any]", item)]
        return item

    def report(self, report: RunReport) -> RunReport:
        """What a source says of a run, with every secret replaced in outputs and results."""
        return replace(report, tasks=tuple(self._task(task) for task in report.tasks))

    def _mask(self, text: str) -> str:
        for secret in self._long:
            text = text.replace(secret, MASK)
        data = text.encode()
        plain = _with_replaced(self._known, data, lambda _: MASK) if self._known else data
        masked = _with_replaced(_shapes(), plain, _replaced)
        return text if masked is data else masked.decode()

    @cached_property
    def _long(self) -> tuple[str, ...]:
        """Forms too long to be compiled, the longest first."""
        encoded = (*self._base64, *self._hexadecimal)
        forms = {*self._texts, *(text for parts in encoded for text in _as_written(parts))}
        return tuple(sorted((f for f in forms if len(f) > _LONGEST_COMPILED), key=_by_length))

    @cached_property
    def _known(self) -> "Regexp | None":
        """What finds all other forms; None when there are none."""
        short = sorted((f for f in self._texts if len(f) <= _LONGEST_COMPILED), key=_by_length)
        around = "[A-Za-z0-9+/_-]?"
        encoded = (f"{around}{form}{around}=*" for form in _patterns(self._base64))
        every = [*map(re2.escape, short), *_patterns(self._hexadecimal), *encoded]
        return _compile(every) if every else None

    @cached_property
    def _texts(self) -> frozenset[str]:
        return frozenset(form for secret in self._secrets for form in as_text(secret))

    @cached_property
    def _base64(self) -> frozenset[Parts]:
        return frozenset(parts for secret in self._secrets for parts in in_base64(secret))

    @cached_property
    def _hexadecimal(self) -> frozenset[Parts]:
        return frozenset(parts for secret in self._secrets for parts in in_hexadecimal(secret))

    def _task(self, task: TaskReport) -> TaskReport:
        results = {name: self._output(value) for name, value in task.results.items()}
        nodes = tuple(self._node(node) for node in task.nodes)
        return replace(task, results=results, nodes=nodes)

    def _node(self, node: NodeReport) -> NodeReport:
        return replace(node, steps=tuple(self._step(step) for step in node.steps))

    def _step(self, step: StepReport) -> StepReport:
        output, count = self._output(step.output), step.output_bytes
        if output != step.output:  # counted as what is left of it, or the rest would seem lost
            count += _bytes_of(output) - _bytes_of(step.output)
        return replace(step, output=output, output_bytes=count, note=self.text(step.note))

    def _output(self, text: str) -> str:
        """Masked, also where only cleaning would have put a secret together."""
        masked = self.text(text)
        cleaned = clean(masked)
        if cleaned == masked:
            return masked
        again = self.text(cleaned)
        return masked if again == cleaned else again


def _bytes_of(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _compile(alternatives: Iterable[str]) -> "Regexp":
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 64 << 20
    return re2.compile("|".join(alternatives), options)


def _worth_masking(secrets: Iterable[str]) -> frozenset[str]:
    return frozenset(v for v in secrets if len(v) >= _SHORTEST and not _NO_SECRETS.fullmatch(v))


def _with_replaced(finder: "Regexp", data: bytes, replaced: Callable[[str], str]) -> bytes:
    """The same object when nothing was found."""
    pieces, end = list[bytes](), 0
    for found in finder.finditer(data):
        start, stop = found.span()
        pieces += (data[end:start], replaced(data[start:stop].decode()).encode())
        end = stop
    return b"".join((*pieces, data[end:])) if end else data


@cache
def _shapes() -> "Regexp":
    return _compile([*_SHAPES, *(f"(?:{before}){secret}" for before, secret in _KEPT_SHAPES)])


@cache
def _kept_shapes() -> "Regexp":
    """Apart from what finds secrets, because telling groups costs more than finding."""
    return _compile(f"({before}){secret}" for before, secret in _KEPT_SHAPES)


def _replaced(found: str) -> str:
    """What is shown instead of a secret, with what stands before it."""
    match = _kept_shapes().fullmatch(found)
    kept = next((group for group in match.groups() if group), "") if match else ""
    if _NO_SECRETS.fullmatch(found, len(kept)):
        return found
    return f"{kept}{MASK}@" if kept.startswith("://") else f"{kept}{MASK}"


def _by_length(form: str) -> tuple[int, str]:
    return -len(form), form


def _as_written(parts: Parts) -> Iterator[str]:
    """An encoded text in one line, and in lines as `base64` and `openssl` break them."""
    yield "".join(parts)
    for width in (76, 64):
        each = width // max(map(len, parts))
        starts = range(0, len(parts), each)
        yield "\n".join("".join(parts[start : start + each]) for start in starts)


def _patterns(encoded: Iterable[Parts]) -> list[str]:
    """Those that are short enough to be compiled, the longest first, over however many lines."""
    short = (parts for parts in encoded if sum(map(len, parts)) <= _LONGEST_COMPILED)
    ordered = sorted(short, key=lambda parts: _by_length("".join(parts)))
    return [_LINE_END.join(map(re2.escape, parts)) for parts in ordered]
