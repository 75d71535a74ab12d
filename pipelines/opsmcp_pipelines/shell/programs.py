"""The programs that run something of what they are given: a shell's text, a file, a command line.

One table (POSIX, the GNU manuals, and those of the clients of containers). A program that is not
here gets inert values and no text.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

__all__ = [
    "ASSIGNING",
    "NO_PROGRAM",
    "PRINTS_ONLY",
    "PROGRAMS",
    "SETS_VARIABLES",
    "SHELLS",
    "Program",
    "interpreter",
    "names",
    "names_code",
    "runs_its_value",
]


def names(text: str) -> frozenset[str]:
    """The words of a text, as a table of names."""
    return frozenset(text.split())


class Program(NamedTuple):
    """What a program runs.

    Attributes:
        runs: What it does with its operands. `line`: they are a command line; `joined`: a shell
            reads them, put together; `text`: a shell reads the first; `file`: the first is a file
            that is run; `client`: as `_CLIENT` says; `shell`: all that a shell does; `many`: it
            starts shells in ways of its own; `awk`, `sql` and the like: code of that language.
        valued: The options that take a value.
        operands: How many operands stand before what is run.
        code: A pattern of the options whose value is code of its language, or of a shell.
        file: The same of those that name a file or a module which is run.
        program: The same of short options that name a program, or hold a setting which may.
        reads: Whether it runs what it reads, in a shell, when it is given no command.
    """

    runs: str = ""
    valued: frozenset[str] = frozenset()
    operands: int = 0
    code: str = ""
    file: str = ""
    program: str = ""
    reads: bool = False


NO_PROGRAM = Program()

SHELLS = names("sh bash dash ash zsh ksh rbash rzsh mksh lksh oksh yash posh csh tcsh fish pwsh")
PRINTS_ONLY = names("echo printf logger test [ grep")
ASSIGNING = names("env sudo doas")
_SHELL = Program(
    "shell", names("-o -O --rcfile --init-file"), 0, "-[A-Za-z]*c|--command", "--rcfile|--init-file"
)
_SSH = Program(
    "joined",
    frozenset("-" + letter for letter in "BbcDEeFIiJLlmOopQRSWw"),
    1,
    program="-o",
    reads=True,
)
_IN_CONTAINER = names(
    "-e -u -w -c -n --env --env-file --user --workdir --detach-keys --container --namespace"
    " --index --context --request-timeout --pod-running-timeout"
)
_NEW_CONTAINER = names(
    "-a -c -e -h -l -m -n -p -u -v -w --add-host --cap-add --cap-drop --cpus --device --dns"
    " --entrypoint --env --env-file --gpus --hostname --image --ip --label --memory --mount --name"
    " --namespace --network --pid --platform --publish --pull --restart --security-opt --shm-size"
    " --tmpfs --ulimit --user --volume --volumes-from --workdir"
)
CONTAINER_COMMANDS: Mapping[str, Program] = MappingProxyType(
    {
        "exec": Program("line", _IN_CONTAINER, 1),
        "rsh": Program("line", _IN_CONTAINER, 1),
        "run": Program("line", _NEW_CONTAINER, 1),
        "debug": Program("line", _NEW_CONTAINER, 1),
    }
)
"""What clients of containers run commands with."""


def _line(valued: str = "", operands: int = 0, **more: object) -> Program:
    return Program("line", names(valued), operands)._replace(**more)


_SQL = {
    "psql": Program("sql", code="-[A-Za-z]*c|--command", file="-f|--file"),
    "clickhouse-client": Program("sql", code="-q|--query", file="--queries-file"),
    **dict.fromkeys(("mysql", "mariadb"), Program("sql", code="-[A-Za-z]*e|--execute")),
    **dict.fromkeys(("sqlite3", "duckdb"), Program("sql", operands=1)),
    **dict.fromkeys(("sqlplus", "cqlsh", "usql"), Program("sql")),
}
_LANGUAGES = {
    **dict.fromkeys(
        ("awk", "gawk"),
        Program(
            "awk", names("-F -v -f -l --assign --field-separator"), 0, "-e|--source", "-f|--file"
        ),
    ),
    "sed": Program("sed", names("-l -f"), 0, "-[A-Za-z]*e|--expression", "-f|--file"),
    "jq": Program("jq", names("--indent -L"), file="-f|--from-file"),
    "yq": Program("jq", names("-I --indent -o -p --output-format"), file="--from-file"),
    "python": Program("python", names("-W -X"), 0, "-[A-Za-z]*c", "-m"),
    "perl": Program("perl", names("-I -M"), 0, "-[A-Za-z]*[eE]", "-I|-M"),
    "ruby": Program("ruby", code="-[A-Za-z]*e"),
    "php": Program("php", code="-r|--run"),
    "lua": Program("lua", code="-e"),
    "node": Program("node", code="-[ep]|--eval|--print"),
    "mongosh": Program("node", code="--eval"),
    "tclsh": Program("node", code="-c"),
    "expect": Program("node", code="-c"),
}
_OPTIONS = {
    "ansible": "-[am]",
    "compgen": "-C",
    "complete": "-C",
    "enable": "-f",
    "ex": r"-[cS]|\+",
    "find": "-exec|-execdir|-ok|-okdir",
    "git": "-c|--(?:upload|receive)-pack",
    "hash": "-p",
    "man": "-P",
    "mapfile": "-C",
    "nc": "-[A-Za-z]*[ec]",
    "ncat": "-[A-Za-z]*[ec]",
    "readarray": "-C",
    "rsync": "-[A-Za-z]*e|-M",
    "scp": "-[oS]",
    "sftp": "-[oS]",
    "start-stop-daemon": "-[xa]|--startas",
    "tar": "-[A-Za-z]*[IF]",
    "tcpdump": "-z",
    "vi": r"-[cS]|\+",
    "vim": r"-[cS]|\+",
    "wget": "-e",
    "zip": "-TT",
}
_FILES = {
    "java": "-jar|-cp|-classpath|--class-path",
    "osqueryi": "-f",
    "ssh-add": "-s",
    "ssh-keygen": "-D",
}
PROGRAMS: Mapping[str, Program] = MappingProxyType(
    {
        **{name: Program(program=options) for name, options in _OPTIONS.items()},
        **{name: Program(file=options) for name, options in _FILES.items()},
        **dict.fromkeys(names("alias parallel hyperfine salt screen tmux"), Program("many")),
        **dict.fromkeys(names("ssh slogin autossh rsh remsh"), _SSH),
        **dict.fromkeys(
            names("builtin busybox catchsegv chronic command nohup setsid torsocks unbuffer exec"),
            _line("-a"),
        ),
        **dict.fromkeys(names("gosu setarch su-exec taskset"), _line(operands=1)),
        **dict.fromkeys(
            names("kubectl oc docker docker-compose podman crictl nerdctl lxc ctr"),
            Program("client"),
        ),
        **_SQL,
        **_LANGUAGES,
        **dict.fromkeys(SHELLS, _SHELL),
        **dict.fromkeys((".", "source"), Program("file")),
        "ansible-playbook": Program("file", names("-i -u -e -l -t -f --inventory --limit --tags")),
        "at": Program("", names("-f -q -t"), file="-f", reads=True),
        "batch": Program(reads=True),
        "chroot": _line("--userspec --groups", 1, reads=True),
        "chrt": _line("-T -P -D --sched-runtime --sched-period --sched-deadline", 1),
        "clush": Program("joined", names("-w -g -x -X -l -f -t -u -o")),
        "crontab": Program("file", names("-u"), reads=True),
        "dbus-run-session": _line("--config-file --dbus-daemon"),
        "doas": _line("-u -C -a", reads=True),
        "dumb-init": _line("-r --rewrite"),
        "env": _line("-u -C --unset --chdir", program="-S|--split-string"),
        "eval": Program("joined"),
        "faketime": _line("-f", 1),
        "fakeroot": _line("-l -s -i -b --lib --faked"),
        "flock": _line("-w -E --wait --timeout --conflict-exit-code", 1, code="-c|--command"),
        "ionice": _line("-c -n --class --classdata"),
        "lxc-attach": _line("-n -P -u -g -v --name --lxcpath"),
        "ltrace": _line("-o -e -p -s -u -n --output"),
        "make": Program(file="-f|--file|--makefile"),
        "mosh": Program("text"),
        "newgrp": Program(reads=True),
        "nice": _line("-n --adjustment"),
        "nsenter": _line(
            "-t -S -G -r -w --target --setuid --setgid --root --wd --wdns", reads=True
        ),
        "numactl": _line("-i -m -N -C -p --interleave --membind --cpunodebind --physcpubind"),
        "pdsh": Program("joined", names("-w -x -g -l -t -u -f -R")),
        "pkexec": _line("--user", reads=True),
        "prlimit": _line("-p --pid"),
        "proxychains": _line("-f"),
        "pssh": Program("joined", names("-h -H -l -p -t -o -e -O")),
        "run-parts": Program("file", names("-a")),
        "runuser": _line(
            "-u -g -G -s --user --group --supp-group --shell",
            code="-c|--(?:session-)?command",
            reads=True,
        ),
        "script": Program(code="-[A-Za-z]*c|--command"),
        "setpriv": _line(
            "--reuid --regid --groups --inh-caps --ambient-caps --bounding-set --securebits"
        ),
        "sg": Program(code="-c", reads=True),
        "ssh-agent": _line("-a -t"),
        "sshpass": _line("-p -f -d -P"),
        "stdbuf": _line("-i -o -e --input --output --error"),
        "strace": _line("-o -e -p -s -u -P -E -a -O -S -b -I -X --output --trace --attach"),
        "su": Program(code="-c|--(?:session-)?command", reads=True),
        "sudo": _line(
            "-u -g -h -p -C -T -D -R -r -t -a -c -U --user --group --host --prompt --close-from"
            " --command-timeout --chdir --chroot --role --type --other-user",
            reads=True,
        ),
        "systemd-run": _line(
            "-u -p -M -H -E --unit --property --machine --host --setenv --description --slice"
            " --uid --gid --nice --working-directory --service-type --on-active --on-boot"
            " --on-startup --on-unit-active --on-unit-inactive --on-calendar --timer-property"
        ),
        "time": _line("-f -o --format --output"),
        "timeout": _line("-s -k --signal --kill-after", 1),
        "tini": _line("-p -e"),
        "trap": Program("text"),
        "unshare": _line(
            "-S -G -R -w --setuid --setgid --root --wd --propagation --setgroups --map-user"
            " --map-group",
            reads=True,
        ),
        "watch": Program("joined", names("-n --interval -q --equexit")),
        "xargs": _line(
            "-I -n -P -L -d -a -E -s --max-args --max-procs --max-lines --delimiter --arg-file"
            " --max-chars --process-slot-var"
        ),
        "xvfb-run": _line("-n -e -f -p -s -w --server-num --server-args"),
    }
)
FLAGS = names(
    "--all --append --askpass --background --cgroup --clear-groups --close --collect --ctty "
    "--detach --exclusive --exit --foreground --fork --ignore --ignore-environment --init "
    "--init-groups --interactive --ipc --keep-groups --map-current-user --map-root-user "
    "--mount --mount-proc --net --no-ask-password --no-block --no-fork --no-new-privs "
    "--no-run-if-empty --non-interactive --nonblock --null --open-tty --pid --pipe --portability "
    "--preserve-credentials --preserve-env --preserve-status --privileged --pty --quiet "
    "--read-only --remain-after-exit --reset-env --reset-timestamp --rm --same-dir --scope "
    "--set-home --shared --skip-chdir --stdin --time --tty --uts --verbose --wait"
)
"""Long options of those that run command lines which take no value."""

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
    same = {"nodejs": "node", "gmake": "make", "mawk": "awk", "nawk": "awk"}
    if name in PROGRAMS:
        return name
    name = same.get(name, name)
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
