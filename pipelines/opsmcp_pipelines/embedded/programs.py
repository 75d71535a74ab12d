"""What well-known programs do with their arguments, as tables (POSIX and the GNU manuals).

No decisions: `command_line` and `hazard` make them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = [
    "AWKS",
    "CLIENTS",
    "CODE_OPTIONS",
    "EVALUATES",
    "HARMLESS",
    "NAMES_VARIABLES",
    "OWN_LANGUAGE",
    "RUNS_ALL",
    "RUNS_INPUT",
    "RUNS_ITS_ARGUMENTS",
    "RUN_BY_OPTION",
    "RUN_BY_VARIABLE",
    "SHELLS",
    "SSH_VALUED",
    "WRAPPERS",
    "Wrapper",
]


@dataclass(frozen=True, slots=True)
class Wrapper:
    """A program that runs the rest of its command line, after options and operands."""

    valued: frozenset[str] = frozenset()
    operands: int = 0


def _wrapper(valued: str = "", operands: int = 0) -> Wrapper:
    return Wrapper(frozenset(valued.split()), operands)


WRAPPERS: Mapping[str, Wrapper] = MappingProxyType(
    {
        "builtin": _wrapper(),
        "chroot": _wrapper(operands=1),
        "chrt": _wrapper("-T -P -D", 1),
        "command": _wrapper(),
        "coproc": _wrapper(),
        "doas": _wrapper("-u -C"),
        "env": _wrapper("-u -C"),
        "exec": _wrapper("-a"),
        "flock": _wrapper("-w -E", 1),
        "ionice": _wrapper("-c -n"),
        "ltrace": _wrapper("-o -e -p -s -u -n"),
        "nice": _wrapper("-n"),
        "nohup": _wrapper(),
        "nsenter": _wrapper("-t -S -G"),
        "numactl": _wrapper("-i -m -N -C -p"),
        "pkexec": _wrapper("--user"),
        "runuser": _wrapper("-u -g -G -s"),
        "setpriv": _wrapper(),
        "setsid": _wrapper(),
        "ssh-agent": _wrapper("-a -t"),
        "stdbuf": _wrapper("-i -o -e"),
        "strace": _wrapper("-o -e -p -s -u -P -E -a -O -S"),
        "sudo": _wrapper("-u -g -h -p -C -T -D -R"),
        "systemd-run": _wrapper("-u -p -M -H -E"),
        "taskset": _wrapper(operands=1),
        "time": _wrapper("-f -o"),
        "timeout": _wrapper("-s -k", 1),
        "unshare": _wrapper("-S -G -R -w"),
        "xargs": _wrapper("-I -n -P -L -d -a -E -s"),
    }
)
SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh"})
CODE_OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(SHELLS, "c"),
        "expect": "c",
        "flock": "c",
        "lua": "e",
        "mysql": "e",
        "node": "ep",
        "perl": "eE",
        "php": "r",
        "psql": "c",
        "python": "c",
        "ruby": "e",
        "runuser": "c",
        "script": "c",
        "sg": "c",
        "su": "c",
    }
)
RUNS_ALL = frozenset(
    {
        "eval",
        "trap",
        "alias",
        "source",
        ".",
        "complete",
        "compgen",
        "bind",
        "hash",
        "enable",
        "jobs",
    }
)
RUNS_ITS_ARGUMENTS = frozenset({"watch", "parallel", "ed", "ex"})
"""Programs that give their arguments to a shell, or run lines that begin in some way."""

RUNS_INPUT = frozenset({".", "source", "at", "batch", "crontab", "ed", "ex", "parallel"})
OWN_LANGUAGE = frozenset({"gdb", "make", "mysql", "psql", "sqlite3"})
"""Programs whose own language has a way to run commands."""

_SSH_OPTIONS = r"-[oFS]"
_VIM_OPTIONS = r"-[cSu]|--cmd|\+"
RUN_BY_OPTION: Mapping[str, str] = MappingProxyType(
    {
        "env": r"-S|--split-string",
        "find": r"-exec|-execdir|-ok|-okdir",
        "flock": r"--command",
        "gdb": r"--?(?:ex|eval-command|x|command)",
        "git": r"-c|--exec-path|--config-env|--upload-pack|--receive-pack",
        "make": r"--eval|-f|--file",
        "man": r"-P|--pager",
        "rsync": r"-e|--rsh|--rsync-path",
        "runuser": r"--(?:session-)?command",
        "scp": _SSH_OPTIONS,
        "script": r"--command",
        "sftp": _SSH_OPTIONS,
        "sort": r"--compress-program",
        "split": r"--filter",
        "ssh": _SSH_OPTIONS,
        "su": r"--(?:session-)?command",
        "tar": r"-[IF]|--(?:use-compress-program|to-command|checkpoint-action|rsh-command"
        r"|info-script|new-volume-script|rmt-command)",
        "tcpdump": r"-z",
        "vi": _VIM_OPTIONS,
        "view": _VIM_OPTIONS,
        "vim": _VIM_OPTIONS,
        "zip": r"-TT|--unzip-command",
    }
)
"""Programs that an option makes run a program, and those options: `tar --to-command=`."""

RUN_BY_VARIABLE = frozenset(
    {
        "BASH_ENV",
        "BROWSER",
        "EDITOR",
        "ENV",
        "GIT_ASKPASS",
        "GIT_EDITOR",
        "GIT_EXTERNAL_DIFF",
        "GIT_PAGER",
        "GIT_SSH",
        "GIT_SSH_COMMAND",
        "LD_AUDIT",
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
        "LESSCLOSE",
        "LESSOPEN",
        "MAKEFLAGS",
        "MANPAGER",
        "NODE_OPTIONS",
        "PAGER",
        "PATH",
        "PERL5LIB",
        "PERL5OPT",
        "PROMPT_COMMAND",
        "PS0",
        "PS1",
        "PS2",
        "PS4",
        "PYTHONHOME",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "RSYNC_RSH",
        "RUBYLIB",
        "RUBYOPT",
        "SHELL",
        "SSH_ASKPASS",
        "SUDO_ASKPASS",
        "TAR_OPTIONS",
        "VISUAL",
    }
)
"""Variables that shells and programs take commands, or the places of programs, from."""

NAMES_VARIABLES = frozenset({"read", "mapfile", "readarray", "getopts"})
HARMLESS = frozenset({"echo", "printf", "grep", "cat", "ls", "which", "type", "pgrep"})
AWKS = frozenset({"awk", "gawk", "mawk", "nawk"})
SSH_VALUED = frozenset("-" + letter for letter in "BbcDEeFIiJLlmOopQRSWw")
CLIENTS = frozenset({"kubectl", "oc", "docker", "podman", "crictl", "nerdctl"})

EVALUATES: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "sh": re.compile(
            r"\b(eval|exec|trap|source|let|declare|typeset|alias|xargs|ssh|(ba|da|z|k)?sh)\b|\(\(|\[\["
            r"|\$\[|`|(^|[;|&({]|\b(do|then|else|if|while|until)\b)\s*([\"']?\$|\.\s)"
        ),
        "arithmetic": re.compile(r"\(\(|\[\[|\$\[|\blet\b"),
        "awk": re.compile(r"\bsystem\s*\(|\bgetline\b|(?<!\|)\|(?!\|)"),
        "awk runs": re.compile(
            r"\bsystem\s*\(\s*(?![\s\"])|[\w\])]\s*\|&?\s*getline"
            r"|\bprintf?\b[^;}\n|]*\|&?\s*(?![\s\"|&])"
        ),
        "others": re.compile(
            r"\b(system|popen\w*|exec\w*|eval|spawn\w*|subprocess|getoutput|getstatusoutput|open|qx"
            r"|passthru|shell_exec|proc_open|child_process)\b|`",
            re.IGNORECASE,
        ),
    }
)
"""Signs in code that it evaluates what it is given, by what the code is for.

`awk runs`: that it runs a command which begins with what it is given.
"""
