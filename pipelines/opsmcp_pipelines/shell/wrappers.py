"""Where in a command line another command begins: behind sudo, xargs, kubectl exec, ... Pure.

Where an unknown option may take a value, it names both places.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from opsmcp_pipelines.shell.programs import names
from opsmcp_pipelines.shell.tree import Word

__all__ = ["CLIENTS", "WRAPPERS", "inner_lines", "skip_options"]


class Wrapper(NamedTuple):
    """A program that runs the rest of its command line, after options and operands."""

    valued: frozenset[str]
    operands: int


def _wrapper(valued: str = "", operands: int = 0) -> Wrapper:
    return Wrapper(names(valued), operands)


_FLAGS = names(
    "--all --append --askpass --background --cgroup --clear-groups --close --collect --ctty "
    "--detach --exclusive --exit --foreground --fork --ignore --ignore-environment --init "
    "--init-groups --interactive --ipc --keep-groups --map-current-user --map-root-user "
    "--mount --mount-proc --net --no-ask-password --no-block --no-fork --no-new-privs --no- "
    "run-if-empty --non-interactive --nonblock --null --open-tty --pid --pipe --portability "
    "--preserve-credentials --preserve-env --preserve-status --privileged --pty --quiet "
    "--read-only --remain-after-exit --reset-env --reset-timestamp --rm --same-dir --scope "
    "--set-home --shared --skip-chdir --stdin --time --tty --uts --verbose --wait"
)
"""Long options of such programs that take no value."""

_IN_CONTAINER = (
    "-e -u -w -c -n --env --env-file --user --workdir --detach-keys --container --namespace"
    " --index --context --request-timeout --pod-running-timeout"
)
_NEW_CONTAINER = (
    "-a -c -e -h -l -m -n -p -u -v -w --add-host --cap-add --cap-drop --cpus --device --dns"
    " --entrypoint --env --env-file --gpus --hostname --image --ip --label --memory --mount --name"
    " --namespace --network --pid --platform --publish --pull --restart --security-opt --shm-size"
    " --tmpfs --ulimit --user --volume --volumes-from --workdir"
)
WRAPPERS: Mapping[str, Wrapper] = MappingProxyType(
    {
        "builtin": _wrapper(),
        "busybox": _wrapper(),
        "catchsegv": _wrapper(),
        "chroot": _wrapper("--userspec --groups", 1),
        "chronic": _wrapper(),
        "chrt": _wrapper("-T -P -D --sched-runtime --sched-period --sched-deadline", 1),
        "command": _wrapper(),
        "coproc": _wrapper(),
        "dbus-run-session": _wrapper("--config-file --dbus-daemon"),
        "doas": _wrapper("-u -C -a"),
        "dumb-init": _wrapper("-r --rewrite"),
        "env": _wrapper("-u -C --unset --chdir"),
        "exec": _wrapper("-a"),
        "faketime": _wrapper("-f", 1),
        "fakeroot": _wrapper("-l -s -i -b --lib --faked"),
        "flock": _wrapper("-w -E --wait --timeout --conflict-exit-code", 1),
        "gosu": _wrapper(operands=1),
        "ionice": _wrapper("-c -n --class --classdata"),
        "lxc-attach": _wrapper("-n -P -u -g -v --name --lxcpath"),
        "ltrace": _wrapper("-o -e -p -s -u -n --output"),
        "nice": _wrapper("-n --adjustment"),
        "nohup": _wrapper(),
        "nsenter": _wrapper("-t -S -G -r -w --target --setuid --setgid --root --wd --wdns"),
        "numactl": _wrapper("-i -m -N -C -p --interleave --membind --cpunodebind --physcpubind"),
        "pkexec": _wrapper("--user"),
        "prlimit": _wrapper("-p --pid"),
        "proxychains": _wrapper("-f"),
        "proxychains4": _wrapper("-f"),
        "runuser": _wrapper("-u -g -G -s --user --group --supp-group --shell"),
        "setarch": _wrapper(operands=1),
        "setpriv": _wrapper(
            "--reuid --regid --groups --inh-caps --ambient-caps --bounding-set --securebits"
        ),
        "setsid": _wrapper(),
        "ssh-agent": _wrapper("-a -t"),
        "sshpass": _wrapper("-p -f -d -P"),
        "stdbuf": _wrapper("-i -o -e --input --output --error"),
        "strace": _wrapper("-o -e -p -s -u -P -E -a -O -S -b -I -X --output --trace --attach"),
        "su-exec": _wrapper(operands=1),
        "sudo": _wrapper(
            "-u -g -h -p -C -T -D -R -r -t -a -c -U --user --group --host --prompt --close-from"
            " --command-timeout --chdir --chroot --role --type --other-user"
        ),
        "systemd-run": _wrapper(
            "-u -p -M -H -E --unit --property --machine --host --setenv --description --slice"
            " --uid --gid --nice --working-directory --service-type --on-active --on-boot"
            " --on-startup --on-unit-active --on-unit-inactive --on-calendar --timer-property"
        ),
        "taskset": _wrapper(operands=1),
        "time": _wrapper("-f -o --format --output"),
        "timeout": _wrapper("-s -k --signal --kill-after", 1),
        "tini": _wrapper("-p -e"),
        "torsocks": _wrapper(),
        "unbuffer": _wrapper(),
        "unshare": _wrapper(
            "-S -G -R -w --setuid --setgid --root --wd --propagation --setgroups --map-user"
            " --map-group"
        ),
        "xargs": _wrapper(
            "-I -n -P -L -d -a -E -s --max-args --max-procs --max-lines --delimiter --arg-file"
            " --max-chars --process-slot-var"
        ),
        "xvfb-run": _wrapper("-n -e -f -p -s -w --server-num --server-args"),
    }
)
_EXECUTING = MappingProxyType(
    {
        "exec": _wrapper(_IN_CONTAINER, 1),
        "run": _wrapper(_NEW_CONTAINER, 1),
        "debug": _wrapper(_NEW_CONTAINER, 1),
        "rsh": _wrapper(_IN_CONTAINER, 1),
    }
)
"""What clients of containers run commands with."""

_ASSIGNING = frozenset({"env", "sudo", "doas"})
CLIENTS = names("kubectl oc docker docker-compose podman crictl nerdctl lxc ctr")


def inner_lines(words: Sequence[Word]) -> Iterator[Sequence[Word]]:
    """The command lines that a command line runs, of words that the program only passes on."""
    name, rest = words[0].program, words[1:]
    if name in WRAPPERS:
        yield from (rest[at:] for at in _wrapped(name, rest))
    elif name == "ip" and [word.prefix for word in rest[:2]] == ["netns", "exec"]:
        yield rest[3:]
    elif name == "find":
        starts = [at for at, word in enumerate(rest) if word.prefix in _EXECS]
        yield from (rest[at + 1 :] for at in starts)
    elif name in CLIENTS:
        yield from _in_containers(rest)


_EXECS = frozenset({"-exec", "-execdir", "-ok", "-okdir"})


def _in_containers(rest: Sequence[Word]) -> Iterator[Sequence[Word]]:
    at = next((at for at, word in enumerate(rest) if word.literal in _EXECUTING), None)
    if at is None:
        return  # `kubectl get node` is no interpreter.
    for number, word in enumerate(rest[at:], at):
        if word.literal == "--":
            yield rest[number + 1 :]
            return
    after = rest[at + 1 :]
    starts = _after_options(after, _EXECUTING[rest[at].prefix])
    yield from (after[start:] for start in starts)


def _wrapped(name: str, rest: Sequence[Word]) -> Iterator[int]:
    """Where the command that a wrapper runs may begin, in the words after its name."""
    for at in _after_options(rest, WRAPPERS[name]):
        while name in _ASSIGNING and at < len(rest) and re.match(r"\w+=", rest[at].prefix):
            at += 1
        yield at


def _after_options(words: Sequence[Word], wrapper: Wrapper) -> list[int]:
    """After options and operands; twice when an unknown long option may have a value."""
    plain = skip_options(words, wrapper.valued)
    long_ = {w.prefix for w in words[:plain] if re.match(r"--\w[\w-]*$", w.prefix)} - _FLAGS
    doubtful = skip_options(words, wrapper.valued | long_)
    return [at + wrapper.operands for at in dict.fromkeys((plain, doubtful))]


def skip_options(words: Sequence[Word], valued: frozenset[str]) -> int:
    """Where the words after the options begin; `valued` are the options that take a value."""
    at = 0
    while at < len(words) and words[at].prefix.startswith(("-", "+")):
        if words[at].literal == "--":
            return at + 1
        at += 2 if _takes_next(words[at], valued) else 1
    return at


def _takes_next(word: Word, valued: frozenset[str]) -> bool:
    """Whether an option takes the next word as its value: `-u`, `-nu`, `--us` for `--user`."""
    option = word.prefix
    if word.literal is None:
        return False
    if option.startswith("--"):
        return any(name.startswith(option) for name in valued)
    if option in valued:
        return True
    letters = [at for at in range(1, len(option)) if f"-{option[at]}" in valued]
    return bool(letters) and letters[0] == len(option) - 1
