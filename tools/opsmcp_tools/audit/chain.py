"""The chain: lines are numbered, hold the hash of the line before, and are signed now and then.

Makes lines behind an end (`Tail`) and says where the end is then; writes nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsmcp_tools.audit.line import (
    CHECKPOINT,
    OPEN,
    TORN,
    AuditEvent,
    Outcome,
    encode,
    encode_bounded,
    fields_of,
    hash_of,
)
from opsmcp_tools.audit.tail import Tail
from opsmcp_tools.model.errors import JournalHindered

if TYPE_CHECKING:
    from opsmcp_tools.audit.signing import Signer

__all__ = ["Chain"]


class Chain:
    """Makes the lines of one trail."""

    def __init__(
        self, constant: Mapping[str, str], key_file: Path, now: Callable[[], datetime]
    ) -> None:
        """Each line has the fields `constant`; the key is read with the first checkpoint."""
        self._constant, self._key_file, self._now = constant, key_file, now
        self._signer: Signer | None = None

    def lines(self, tail: Tail, events: Iterable[Mapping[str, Any]]) -> tuple[list[bytes], Tail]:
        """The lines of events, given by their fields."""
        lines = list[bytes]()
        for fields in events:
            whole = {"seq": tail.seq + 1, **fields, **self._constant, "prev": tail.hash}
            lines.append(encode_bounded(whole))
            tail = _behind(tail, lines[-1], unsigned=tail.unsigned + 1)
        return lines, tail

    def opening(self, tail: Tail, oldest: int) -> tuple[list[bytes], Tail]:
        """The first line of a file; `oldest` is the number of the first line that is kept."""
        said = fields_of(AuditEvent(OPEN, self._now()))
        return self.lines(tail, [{**said, "oldest": oldest}])

    def mending(self, tail: Tail, why: str, torn: bytes) -> tuple[list[bytes], Tail]:
        """What follows an end that was mended: what was cut off, and a checkpoint."""
        said = fields_of(AuditEvent(TORN, self._now(), Outcome.UNKNOWN, why))
        cut = {"bytes": len(torn), "sha256": hash_of(torn)}
        lines, tail = self.lines(tail, [{**said, **cut}])
        signed, tail = self.checkpoint(tail)
        return [*lines, signed], tail

    def checkpoint(self, tail: Tail, *, closes: bool = False) -> tuple[bytes, Tail]:
        """A signature over all before; with `closes` nothing follows in this file.

        Raises:
            JournalHindered: There is no key to sign with.
        """
        signer = self._sign_with()
        fields = {
            "seq": tail.seq + 1,
            **fields_of(AuditEvent(CHECKPOINT, self._now())),
            **self._constant,
            **({"closes": True} if closes else {}),
            "key": signer.public.fingerprint,
            "prev": tail.hash,
        }
        line = signer.sign(encode(fields))
        return line, replace(_behind(tail, line, unsigned=0), closed=closes)

    def _sign_with(self) -> "Signer":
        if self._signer is None:
            from opsmcp_tools.audit.signing import KeyUnusable, read_private_key

            try:
                self._signer = read_private_key(self._key_file)
            except KeyUnusable as error:
                raise JournalHindered(f"{error}") from error
        return self._signer


def _behind(tail: Tail, line: bytes, *, unsigned: int) -> Tail:
    return replace(
        tail,
        size=tail.size + len(line) + 1,
        seq=tail.seq + 1,
        hash=hash_of(line),
        unsigned=unsigned,
        closed=False,
    )
