"""The programs that the analysis has to know, as tables (POSIX and the GNU manuals).

Which run a shell or a program of their own, and which only print what they are given. What is not
here gets inert values and no text.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

__all__ = [
    "CODE_OPTIONS",
    "FILE_OPTIONS",
    "JOINED",
    "PRINTS_ONLY",
    "PROGRAM_OPTIONS",
    "RUNS_INPUT",
    "SHELLS",
    "STARTS_SHELLS",
    "SETS_VARIABLES",
    "SHELL_WITHOUT_COMMAND",
    "SQL_CLIENTS",
    "SSHES",
    "interpreter",
    "names",
    "names_code",
    "runs_its_value",
]


def names(text: str) -> frozenset[str]:
    """The words of a text, as a table of names."""
    return frozenset(text.split())


SHELLS = names("sh bash dash ash zsh ksh rbash rzsh mksh lksh oksh yash posh csh tcsh fish pwsh")
SHELL_WITHOUT_COMMAND = names("chroot nsenter unshare doas pkexec su runuser sg sudo newgrp")
"""Programs that may start a shell when they are given no command."""

SSHES = names("ssh slogin autossh rsh remsh")
SSH_VALUED = frozenset("-" + letter for letter in "BbcDEeFIiJLlmOopQRSWw")
JOINED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        **dict.fromkeys(SSHES, SSH_VALUED),
        "clush": names("-w -g -x -X -l -f -t -u -o"),
        "eval": frozenset(),
        "pdsh": names("-w -x -g -l -t -u -f -R"),
        "pssh": names("-h -H -l -p -t -o -e -O"),
        "watch": names("-n --interval -q --equexit"),
    }
)
"""Programs that hand their words to a shell, with their options that take a value."""

STARTS_SHELLS = names("parallel hyperfine salt screen tmux")
"""Programs that start shells for their words and what they read, each in a way of its own."""

PRINTS_ONLY = names("echo printf logger test [ grep")
RUNS_INPUT = names("at batch crontab") | SHELLS

SQL_CLIENTS = names("psql mysql mariadb sqlite3 clickhouse-client sqlplus cqlsh duckdb usql")
CODE_OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(SHELLS, r"-[A-Za-z]*c|--command"),
        "awk": r"-e|--source",
        "clickhouse-client": r"-q|--query",
        "expect": r"-c",
        "flock": r"-c|--command",
        "gawk": r"-e|--source",
        "lua": r"-e",
        "mariadb": r"-[A-Za-z]*e|--execute",
        "mongosh": r"--eval",
        "mysql": r"-[A-Za-z]*e|--execute",
        "node": r"-[ep]|--eval|--print",
        "perl": r"-[A-Za-z]*[eE]",
        "php": r"-r|--run",
        "psql": r"-[A-Za-z]*c|--command",
        "python": r"-[A-Za-z]*c",
        "ruby": r"-[A-Za-z]*e",
        "runuser": r"-c|--(?:session-)?command",
        "script": r"-[A-Za-z]*c|--command",
        "sed": r"-[A-Za-z]*e|--expression",
        "sg": r"-c",
        "su": r"-c|--(?:session-)?command",
        "tclsh": r"-c",
    }
)
"""The options whose value is code of the program's own language."""

FILE_OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("awk", "gawk", "mawk", "nawk", "sed", "jq"), "-f|--file|--from-file"),
        **dict.fromkeys(("make", "gmake", "psql", "osqueryi"), "-f|--file|--makefile"),
        **dict.fromkeys(SHELLS, "--rcfile|--init-file"),
        "clickhouse-client": "--queries-file",
        "java": "-jar|-cp|-classpath|--class-path",
        "ssh-add": "-s",
        "ssh-keygen": "-D",
        "perl": "-I|-M",
        "python": "-m",
    }
)
"""The options whose value is a file that is run, or a module."""

PROGRAM_OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "ansible": "-[am]",
        "compgen": "-C",
        "complete": "-C",
        "enable": "-f",
        "env": "-S|--split-string",
        "find": "-exec|-execdir|-ok|-okdir",
        "ex": r"-[cS]|\+",
        "git": "-c|--(?:upload|receive)-pack",
        "hash": "-p",
        "man": "-P",
        "mapfile": "-C",
        "readarray": "-C",
        "nc": "-[A-Za-z]*[ec]",
        "ncat": "-[A-Za-z]*[ec]",
        "rsync": "-[A-Za-z]*e|-M",
        "scp": "-[oS]",
        "sftp": "-[oS]",
        "ssh": "-o",
        "start-stop-daemon": "-[xa]|--startas",
        "tar": "-[A-Za-z]*[IF]",
        "tcpdump": "-z",
        "vi": r"-[cS]|\+",
        "vim": r"-[cS]|\+",
        "wget": "-e",
        "zip": "-TT",
    }
)
"""Short options that name a program, or hold a setting that may. Long ones say so themselves."""

_CODE_NAMES = names(
    "exec command cmd program script rsh pager editor filter shell entrypoint hook askpass"
)


def names_code(option: str) -> bool:
    """Whether an option, or a setting, says by its name that its value names a program."""
    return any(
        part.startswith(name) or part.endswith(name)
        for part in re.split(r"[-_.:]", option.lower())
        for name in _CODE_NAMES
    )


def interpreter(name: str) -> str:
    """The name of a program without its version: `python3.11` is `python`."""
    name = {"nodejs": "node", "gmake": "make", "mawk": "awk", "nawk": "awk"}.get(name, name)
    return name.rstrip("0123456789.") or name


_RUN_BY_VARIABLE = names(
    "BASH_ENV BROWSER CDPATH EDITOR ENV GIT_ASKPASS GIT_CONFIG GIT_EDITOR GIT_EXEC_PATH"
    " GIT_EXTERNAL_DIFF GIT_PAGER GIT_PROXY_COMMAND GIT_SEQUENCE_EDITOR GIT_SSH GIT_SSH_COMMAND"
    " IFS KUBE_EDITOR LD_AUDIT LD_LIBRARY_PATH LD_PRELOAD LESSCLOSE LESSOPEN MAKEFLAGS MANPAGER"
    " NODE_OPTIONS NODE_PATH PAGER PATH PERL5DB PERL5LIB PERL5OPT PROMPT_COMMAND PS0 PS1 PS2 PS4"
    " PYTHONHOME PYTHONPATH PYTHONSTARTUP RSYNC_RSH RUBYLIB RUBYOPT SHELL SSH_ASKPASS"
    " SUDO_ASKPASS SYSTEMD_EDITOR SYSTEMD_PAGER TAR_OPTIONS VISUAL JAVA_TOOL_OPTIONS"
    " _JAVA_OPTIONS CLASSPATH LUA_PATH GCONV_PATH"
)


def runs_its_value(variable: str) -> bool:
    """Whether shells or programs take commands, or the places of programs, from a variable."""
    return variable in _RUN_BY_VARIABLE or variable.startswith("GIT_CONFIG_")


SETS_VARIABLES = names(
    ". alias builtin command compgen complete coproc declare env eval exec export getopts hash let"
    " local mapfile read readarray readonly set source test time trap typeset unset wait ["
)
"""What may set or read a variable of the shell that is named in one of its words."""
