"""What runs on the far side: a constant command, and the frame that it reads on standard input.

No word of a caller is ever in a command line. The command reads a first line (mark, tag,
interpreter, size) and so many bytes of script, says that it is ready, and starts the script when it
is told to: who never told it knows that nothing ran. The script has a session of its own; the end
of standard input is the word to stop it. Lines with the mark, which the script does not know, tell
where its output begins and ends. Pure.

The far side needs a POSIX shell with `head -c` and `mktemp -d`, and `setsid` or `perl`: dash, bash
and busybox have been tried.
"""

import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "COMMAND",
    "COMMAND_AS_ROOT",
    "GO",
    "SUDO_SHELL",
    "Frame",
    "Interpreter",
    "new_frame",
    "python_text",
    "shell_text",
]

GO = b"go\n"
"""The word to start the script."""


class Interpreter(StrEnum):
    """What may run a script there."""

    SH = "sh"
    BASH = "bash"
    PYTHON = "python3"


SUDO_SHELL = "/bin/sh"
"""What sudo has to allow, and with it everything."""

# One line without single quotes, backslashes before quotes and exclamation marks: whatever shell
# the account has takes it for one word. `kill -0 -$p` tells whether its session still has members;
# what left the session is found by the tag in its environment, where there is /proc: to look for it
# takes seconds on a busy host with thousands of processes, so that is done as seldom as can be.
_BOOTSTRAP = (
    "read -r m t i n || exit 0; "
    's=$(head -c "$n"; echo x); s=${s%x}; '
    '[ "$(printf %s "$s" | wc -c)" -eq "$n" ] || exit 0; '
    'refuse() { echo "$m refused $1"; exit 0; }; '
    "case $i in sh|bash|python3) ;; *) refuse interpreter; esac; "
    'command -v "$i" >/dev/null || refuse interpreter; '
    "if command -v setsid >/dev/null; then own=setsid; "
    "elif command -v perl >/dev/null; then own=perl; else refuse session; fi; "
    'd=$(mktemp -d) && mkdir "$d/work" && cd "$d/work" || refuse directory; '
    "exec 3<&0 </dev/null; "
    'lead() { case $own in perl) exec perl -MPOSIX -e "setsid; exec @ARGV" "$@";; '
    '*) exec setsid "$@"; esac; }; '
    'echo "$m ready"; read -r x <&3; [ "$x" = go ] || { cd /; rm -rf "$d"; exit 0; }; '
    'printf %s "$s" | { OPSMCP_STEP=$t; export OPSMCP_STEP; lead "$i"; } 2>&1 & p=$!; '
    "members() { if [ -e /proc/self/environ ]; "
    'then grep -ls "OPSMCP_STEP=$t" /proc/[0-9]*/environ; '
    'else kill -0 -$p && echo "-$p"; fi; }; '
    "{ while read -r x; do :; done; : >../stop; kill -TERM -$p || kill -TERM $p; "
    "for x in 1 2 3; do kill -0 -$p || break; sleep 1; done; kill -KILL -$p; : >../left; "
    'for x in 1 2 3; do k=$(members); [ -n "$k" ] || { rm ../left; break; }; '
    'for x in $k; do x=${x#/proc/}; kill -KILL "${x%/environ}"; done; sleep 1; done; '
    "} <&3 >/dev/null 2>&1 & w=$!; "
    "wait $p; r=$?; l=; "
    "{ if [ -e ../stop ]; then wait $w; if [ -e ../left ]; then l=left; fi; "
    'else kill $w; if kill -0 -$p && [ -n "$(members)" ]; then l=left; fi; fi; } 2>/dev/null; '
    'cd /; rm -rf "$d"; '
    'printf "%s end %s %s\\n" "$m" "$r" "$l"'
)
COMMAND = f"exec sh -c '{_BOOTSTRAP}'"
"""The remote command, for the account that logs in."""

COMMAND_AS_ROOT = f"exec sudo -n {SUDO_SHELL} -c '{_BOOTSTRAP}'"
"""The same as root. All of it: what may not signal root's processes could not stop them."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What is sent, and the mark of the lines that tell where the output begins and ends."""

    mark: bytes
    data: bytes


def new_frame(interpreter: Interpreter, text: str) -> Frame:
    """The frame of a script, with a mark and a tag that nobody has seen."""
    mark = f"opsmcp-{secrets.token_hex(8)}"
    script = text.encode()
    head = f"{mark} {secrets.token_hex(8)} {interpreter} {len(script)}\n"
    return Frame(mark.encode(), head.encode() + script)


def shell_text(script: str, values: Mapping[str, str]) -> str:
    """A shell script with its values, which is parsed whole before a word of it runs.

    It gets no standard input: that is the script itself.
    """
    lines = [f"{name}={shlex.quote(value)}; export {name}\n" for name, value in values.items()]
    return f"{''.join(lines)}{{ :\n{script}\n}} </dev/null\n"


def python_text(script: str, values: Mapping[str, str], runner: str, mark: str) -> str:
    """A Python script with its values, for an interpreter that reads it on standard input.

    Args:
        script: The text.
        values: What it finds in its environment.
        runner: The source of what runs it, called with the path of the script and `mark`.
        mark: See `shell.render.Script`; without one it is run as it is.
    """
    start = f"sys.argv[:] = ['runner', path, {mark!r}]\nsource = {runner!a}" if mark else ""
    plain = f"sys.argv[:] = [path]\nsource = {script!a}"
    return _PYTHON.format(values=ascii(dict(values)), script=ascii(script), start=start or plain)


_PYTHON = """\
import os, sys
os.environ.update({values})
path = os.path.join(os.path.dirname(os.getcwd()), "script")
with open(path, "w", encoding="utf-8", newline="") as file:
    file.write({script})
{start}
sys.path[0] = os.path.dirname(path)
exec(compile(source, path, "exec"), {{"__name__": "__main__", "__file__": path}})
"""
