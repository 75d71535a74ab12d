"""What well-known programs do with their arguments, as tables (POSIX and the GNU manuals).

No decisions: `command_line` and `hazard` make them.
"""

import re
from collections.abc import Mapping
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
    "SHELLS",
    "SHELL_CODE",
    "SHELL_WITHOUT_COMMAND",
    "SSHES",
    "SSH_VALUED",
    "interpreter",
    "names",
    "runs_its_value",
]


def names(text: str) -> frozenset[str]:
    """The words of a text, as a table of names."""
    return frozenset(text.split())


SHELLS = names("sh bash dash ash zsh ksh rbash rzsh mksh lksh oksh yash posh csh tcsh fish pwsh")
SHELL_CODE = SHELLS | {"su", "runuser", "sg", "flock", "script"}
"""What takes commands of a shell as the value of an option."""

SHELL_WITHOUT_COMMAND = names("chroot nsenter unshare doas pkexec su runuser sg")
"""Programs that start a shell when they are given no command."""

SSHES = names("ssh slogin autossh rsh remsh")
CODE_OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(SHELLS, "c"),
        "expect": "c",
        "flock": "c",
        "lua": "e",
        "mysql": "e",
        "luajit": "e",
        "node": "ep",
        "nodejs": "ep",
        "perl": "eE",
        "php": "r",
        "psql": "c",
        "python": "c",
        "ruby": "e",
        "runuser": "c",
        "script": "c",
        "sg": "c",
        "su": "c",
        "tclsh": "c",
        "vagrant": "c",
    }
)


def interpreter(name: str) -> str:
    """The key of `CODE_OPTIONS` for a program, with versions cut off: `python3.11`. Or empty."""
    plain = re.sub(r"[0-9.]+$", "", name)
    return plain if plain in CODE_OPTIONS else ""


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
RUNS_ITS_ARGUMENTS = names(
    "watch parallel ed ex sg socat tmux screen byobu dtach abduco pssh parallel-ssh pdsh "
    "dsh clush mosh ansible salt xterm hyperfine entr"
)
"""Programs that give their arguments to a shell, or run lines that begin in some way."""

RUNS_INPUT = names(
    ". source at batch newgrp login machinectl crontab ed ex parallel dc m4 ftp lftp sftp "
    "gnuplot tmux screen"
)
OWN_LANGUAGE = names(
    "ansible-playbook gdb make gmake mariadb mongo mongosh mysql psql sqlite3 sqlplus"
)
"""Programs whose own language has a way to run commands."""

_SSH_OPTIONS = r"-[A-Za-z0-9]*[oFS]"
_VIM_OPTIONS = r"-[cSu]|--cmd|\+"
RUN_BY_OPTION: Mapping[str, str] = MappingProxyType(
    {
        "apt": r"-[oc]|--option|--config-file",
        "apt-get": r"-[oc]|--option|--config-file",
        "aws": r"--parameters",
        "autossh": _SSH_OPTIONS,
        "curl": r"-[A-Za-z]*K|--config",
        "docker": r"--entrypoint",
        "env": r"-S|--split-string",
        "find": r"-exec|-execdir|-ok|-okdir",
        "flock": r"--command",
        "gdb": r"--?(?:ex|eval-command|x|command)",
        "gcloud": r"--command|--ssh-flag",
        "git": r"-c|--exec-path|--config-env|--upload-pack|--receive-pack",
        "gmake": r"--eval|-f|--file",
        "helm": r"--post-renderer",
        "make": r"--eval|-f|--file",
        "man": r"-P|--pager",
        "nmap": r"--script",
        "nc": r"-[A-Za-z]*[ec]",
        "ncat": r"-[A-Za-z]*[ec]|--exec|--sh-exec|--lua-exec",
        "nerdctl": r"--entrypoint",
        "podman": r"--entrypoint",
        "rsync": r"-[A-Za-z]*e|--rsh|--rsync-path|-M|--remote-option",
        "runuser": r"--(?:session-)?command",
        "scp": _SSH_OPTIONS,
        "script": r"--command",
        "sftp": _SSH_OPTIONS,
        "sort": r"--compress-program",
        "start-stop-daemon": r"-[xa]|--exec|--startas",
        "split": r"--filter",
        "slogin": _SSH_OPTIONS,
        "ssh": _SSH_OPTIONS,
        "ssh-add": r"-[se]",
        "ssh-keygen": r"-[Dw]",
        "su": r"--(?:session-)?command",
        "tar": r"-[A-Za-z]*[IF]|--(?:use-compress-program|to-command|checkpoint-action|rsh-command"
        r"|info-script|new-volume-script|rmt-command)",
        "tcpdump": r"-z",
        "vi": _VIM_OPTIONS,
        "view": _VIM_OPTIONS,
        "vim": _VIM_OPTIONS,
        "wget": r"-e|--execute|--use-askpass|--config",
        "zip": r"-TT|--unzip-command",
    }
)
"""Programs that an option makes run a program, and those options: `tar --to-command=`."""

_RUN_BY_VARIABLE = frozenset(
    {
        "BASH_ENV",
        "BROWSER",
        "EDITOR",
        "ENV",
        "GIT_ASKPASS",
        "GIT_CONFIG",
        "GIT_EDITOR",
        "GIT_EXEC_PATH",
        "GIT_EXTERNAL_DIFF",
        "GIT_PAGER",
        "GIT_PROXY_COMMAND",
        "GIT_SEQUENCE_EDITOR",
        "GIT_SSH",
        "GIT_SSH_COMMAND",
        "KUBE_EDITOR",
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
        "SYSTEMD_EDITOR",
        "SYSTEMD_PAGER",
        "SUDO_ASKPASS",
        "TAR_OPTIONS",
        "VISUAL",
    }
)
"""Variables that shells and programs take commands, or the places of programs, from."""


def runs_its_value(variable: str) -> bool:
    """Whether a variable holds a command, or the place of a program."""
    return variable in _RUN_BY_VARIABLE or variable.startswith("GIT_CONFIG_")


NAMES_VARIABLES = frozenset({"read", "mapfile", "readarray", "getopts"})
HARMLESS = frozenset({"echo", "printf", "grep", "cat", "ls", "which", "type", "pgrep"})
AWKS = frozenset({"awk", "gawk", "mawk", "nawk"})
SSH_VALUED = frozenset("-" + letter for letter in "BbcDEeFIiJLlmOopQRSWw")
CLIENTS = frozenset({"kubectl", "oc", "docker", "podman", "crictl", "nerdctl"})

EVALUATES: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "sh": re.compile(
            r"\b(eval|exec|trap|source|let|declare|typeset|alias|xargs|parallel|tmux|screen|r?sh|ssh"
            r"|slogin|autossh|fish|(r?ba|da|a|z|m?k|t?c)sh)\b|\(\(|\[\["
            r"|\$\[|`|(^|[;|&({]|\b(do|then|else|if|while|until)\b)\s*([\"']?\$|\.\s)"
        ),
        "input": re.compile(
            r"\b(su|chroot|nsenter|unshare|runuser|doas|at|batch|crontab|python[0-9.]*|perl|ruby|node"
            r"|php|lua|m4|mysql|mariadb|psql|sqlite3|make|awk|gawk|mawk|sed\s+-f)\b"
            r"|\bsudo\b[^|;&]*\s-(\w*[is]|-login|-shell)"
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

`input`: that commands of a shell may run their input. `awk runs`: that it runs a command which
begins with what it is given.
"""
