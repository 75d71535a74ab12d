"""What moves a file on the far side: a constant command, and the frame that it reads. Pure.

Like `bootstrap`, with no word of a caller in a command line. A file that is sent goes into a new
one beside its target, whose sum is compared; it replaces the target when it is told to, and is
removed in every other case, also when the connection is lost. A file that is fetched comes after a
line with its size, its sum and its mode. What programs have to say of a fault is told, too.

The far side needs a POSIX shell with `head -c`, `mktemp`, `stat` and `sha256sum` or `shasum`: dash,
bash and busybox have been tried.
"""

import secrets
from enum import IntEnum

from opsmcp_pipelines.ssh.bootstrap import SUDO_SHELL, Frame

__all__ = ["FILE_COMMAND", "FILE_COMMAND_AS_ROOT", "FILE_SCRIPT", "FileFault", "pull", "push"]


class FileFault(IntEnum):
    """Why a file was not moved, as the exit status that the far side tells."""

    NO_DIRECTORY = 20
    LINK = 21
    NOT_REGULAR = 22
    NOT_WRITTEN = 23
    SHORT = 24
    CHANGED = 25
    OWNER = 26
    NOT_REPLACED = 27
    NOT_READ = 28
    TOO_LARGE = 29
    NO_MODE = 30
    MISSING = 31


# One line without single quotes, backslashes before quotes and exclamation marks, as in
# `bootstrap`. What follows the word `go` is read by `head` alone, which may read too much: so there
# is nothing more until it has said that all of it is there.
FILE_SCRIPT = (
    "read -r m o n h a || exit 0; IFS= read -r f || exit 0; "
    "LC_ALL=C; export LC_ALL; umask 077; t=; "
    'refuse() { echo "$m refused $1"; exit 0; }; '
    'end() { printf "%s end %s \\n" "$m" "$1"; exit 0; }; '
    "if command -v sha256sum >/dev/null; then hash=sha256sum; "
    'elif command -v shasum >/dev/null; then hash="shasum -a 256"; else refuse sums; fi; '
    "command -v stat >/dev/null || refuse stat; "
    'sum() { $hash <"$1" | { read -r x y; echo "$x"; }; }; '
    'owned() { stat -L -c "%u:%g %a" "$1" 2>/dev/null || stat -L -f "%u:%g %Lp" "$1"; }; '
    'clean() { [ -z "$t" ] || rm -f "$t"; }; '
    'trap clean EXIT; trap "exit 9" HUP INT TERM PIPE; '
    'echo "$m ready"; read -r x; [ "$x" = go ] || exit 0; '
    "exec 2>&1; case $o in "
    "push) "
    'd=${f%/*}; d=${d:-/}; [ -d "$d" ] || end 20; [ -h "$f" ] && end 21; k=; '
    'if [ -e "$f" ]; then [ -f "$f" ] || end 22; k=$(owned "$f") || end 30; '
    '[ -r "$f" ] && [ "$(sum "$f")" = "$h" ] && { echo same; end 0; }; fi; '
    't=$(mktemp "$d/.opsmcp-XXXXXXXX") || end 23; '
    'echo want; { [ "$n" -eq 0 ] || head -c "$n"; } >"$t" || end 23; '
    '[ "$(wc -c <"$t")" -eq "$n" ] || end 24; [ "$(sum "$t")" = "$h" ] || end 25; '
    'if [ -n "$k" ]; then o=$(owned "$t"); '
    '[ "${o% *}" = "${k% *}" ] || chown "${k% *}" "$t" || end 26; a=${k#* }; fi; '
    "case $a in ????) a=${a#?};; esac; "
    'chmod "$a" "$t" || end 23; '
    'echo sent; read -r x; [ "$x" = put ] || end 24; '
    '[ -h "$f" ] && end 21; [ -d "$f" ] && end 22; '
    'mv -f "$t" "$f" || end 27; t=; end 0;; '
    "pull) "
    '[ -e "$f" ] || end 31; [ -f "$f" ] || end 22; [ -r "$f" ] || end 28; '
    'z=$(($(wc -c <"$f"))); [ "$z" -le "$n" ] || end 29; '
    'k=$(owned "$f") || end 30; g=$(sum "$f"); [ -n "$g" ] || end 28; '
    'echo "file $z $g ${k#* }"; [ "$z" -eq 0 ] || head -c "$z" <"$f"; end 0;; '
    "esac"
)
"""What reads a frame and moves its file, for a POSIX shell."""

FILE_COMMAND = f"exec sh -c '{FILE_SCRIPT}'"
"""The remote command, for the account that logs in."""

FILE_COMMAND_AS_ROOT = f"exec sudo -n {SUDO_SHELL} -c '{FILE_SCRIPT}'"
"""The same as root."""


def push(path: str, size: int, digest: str, mode: int) -> Frame:
    """A file of these bytes shall be at `path`; `mode` is for one that is not there yet."""
    return _frame(f"push {size} {digest} {mode & 0o777:o}", path)


def pull(path: str, most: int) -> Frame:
    """The file at `path` is wanted, if it has no more than so many bytes."""
    return _frame(f"pull {most} - -", path)


def _frame(order: str, path: str) -> Frame:
    mark = f"opsmcp-{secrets.token_hex(8)}"
    return Frame(mark.encode(), f"{mark} {order}\n{path}\n".encode())
