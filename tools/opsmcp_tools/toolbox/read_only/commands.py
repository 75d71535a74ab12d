"""Whether one command only reads: by the table of programs, and behind sudo, xargs, ssh, find.

Pure; it knows words, not the parser that they come from.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from opsmcp_pipelines.kinds.names import words_of
from opsmcp_pipelines.shell.programs import names, runs_its_value
from opsmcp_tools.toolbox.read_only.command_line import Call, after_options, options_of
from opsmcp_tools.toolbox.read_only.evidence import (
    VALUE,
    Proof,
    SeenToChange,
    Unknown,
    Unseen,
    Word,
    shown,
)
from opsmcp_tools.toolbox.read_only.languages import reads_awk, reads_sed, reads_sql
from opsmcp_tools.toolbox.read_only.programs import Program, find_program
from opsmcp_tools.toolbox.read_only.verbs import is_changing

__all__ = ["Script", "check_arguments", "check_variable", "weigh_words"]


@dataclass(frozen=True, slots=True)
class Script:
    """What holds for all commands of one script."""

    functions: Mapping[str, int]
    """The functions that it defines whatever happens, with where each definition ends."""
    hides_options: bool
    """Whether a value that it makes itself could be an option."""
    nested: Callable[[str], Proof]
    """Weighs a text that another shell reads."""


def check_variable(name: str) -> None:
    """Refuse to set what programs take commands from.

    Raises:
        Unknown: It is such a variable.
    """
    if runs_its_value(name):
        raise Unknown(f"the variable {name}")


def check_arguments(words: Iterable[Word], script: Script) -> None:
    """Refuse an option that a function could hand on to a program.

    Raises:
        Unknown: There is one.
    """
    for word in words:
        if word.text.startswith("-"):
            raise Unknown(f"the option '{shown(word.text)}' of a function")


def weigh_words(words: Sequence[Word], script: Script, *, more: bool = False) -> Proof:
    """How far a command line is known to read; with `more`, operands are added at the run.

    Raises:
        Unknown: It is not.
    """
    if not words:
        raise Unknown("a command that is not named")
    name, rest = words[0].text.rpartition("/")[2], words[1:]
    if VALUE in words[0].text:
        raise Unknown("a command that a value names")
    if name in _INSIDE and not more:
        return _INSIDE[name](rest, script)
    if name in _WRAPPERS:
        return _weigh_wrapped(name, rest, script)
    if name in _CONTAINERS and (inner := _in_container(rest)):
        return weigh_words(inner, script, more=more)
    program = find_program(name)
    if program is None:
        raise _fault_of(name, rest)(f"'{shown(name)}'")
    if name in ("read", "printf", "getopts"):
        for word in rest:
            check_variable(word.text)
    return _weigh_known(name, program, rest, script, more=more)


def _weigh_known(
    name: str, program: Program, words: Sequence[Word], script: Script, *, more: bool
) -> Proof:
    """How far a call of a program is known to read that is on the list."""
    try:
        _check_call(name, program, words, script, more=more)
    except Unknown:
        if program.by_words and (order := _changing_order(words)):
            raise SeenToChange(f"'{name} {shown(order)}'") from None
        raise
    return Proof.ASKS if program.asks else Proof.READS


_DELETING_PROGRAMS = names(
    """
    rm rmdir unlink shred truncate mkfs mkswap wipefs kill pkill killall reboot poweroff halt
    shutdown telinit useradd userdel usermod groupadd groupdel passwd chpasswd
    """
)
"""Those that change the machine itself whenever they run, and not a file of the script."""

_CHANGING_PROGRAMS = _DELETING_PROGRAMS | names(
    """
    mktemp mv cp ln dd tee touch mkdir fallocate chmod chown chgrp chattr setfacl install rsync scp
    sftp tar gzip gunzip unzip patch init mount umount swapon swapoff crontab at batch iptables nft
    ufw firewall-cmd modprobe rmmod insmod sysctl hostnamectl timedatectl apt apt-get yum dnf apk
    pip npm gem snap helm terraform ansible ansible-playbook make nohup eval exec source . python
    python3 perl ruby node php
    """
)
"""Seen to change something, or to run what they are given: the author's words do not outweigh it.

Nothing is believed of what stands on neither list unless the author says that it only looks.
"""

_MOST_VERB = 4
"""Among so many words of a client stands what it is to do: `kubectl -n prod rollout restart`."""


def _fault_of(name: str, words: Sequence[Word]) -> type[Unknown]:
    """What is to be said of a call of a program that is not on the list."""
    if name in _DELETING_PROGRAMS and not (name == "kill" and words and words[0].text == "-0"):
        return SeenToChange
    return Unknown if _names_change(name, words) else Unseen


def _changing_order(words: Sequence[Word]) -> str:
    """What a client is told to change, from the verb on; empty where it is only tried."""
    if any(word.text.startswith("--dry-run") for word in words):
        return ""
    plain = [word.text for word in words if not word.text.startswith("-")]
    for at, text in enumerate(plain[:_MOST_VERB]):
        if is_changing(text) or text in _DELETING_PROGRAMS:
            return " ".join(plain[at:])
    return ""


def _names_change(name: str, words: Iterable[Word]) -> bool:
    """Whether a call that nobody knows says of itself that it changes something."""
    said = (name, *(word.text for word in words))
    parts = [part for text in said for part in words_of(text)]
    return any(part in _CHANGING_PROGRAMS or is_changing(part) for part in (name, *parts))


def _check_call(
    name: str, program: Program, words: Sequence[Word], script: Script, *, more: bool
) -> None:
    if program.options is None and program.operands is None:
        return
    strict = program.options is not None and not program.by_words
    if strict and (more or any(_may_hide(word, script) for word in words)):
        raise Unknown(f"options of '{name}' that a value could hold")
    call = Call(name, program.options or {})
    call.read(words)
    if program.needs and not program.needs.intersection(option for option, _ in call.options):
        raise Unknown(f"'{name}' without {' or '.join(sorted(program.needs))}")
    if program.operands is not None and not re.fullmatch(program.operands, call.phrase):
        raise Unknown(f"'{shown(f'{name} {call.phrase}'.strip())}'")
    for option, value in call.options:
        if option in program.queries and not reads_sql(value):
            raise Unknown(f"a query of '{name}'")


def _may_hide(word: Word, script: Script) -> bool:
    """Whether a word that begins with a value could be an option of the script's own."""
    return word.braced or (word.begins_open and script.hides_options)


@dataclass(frozen=True, slots=True)
class _Wrapper:
    """What runs the rest of its command line, after these options and so many operands."""

    options: str
    operands: int = 0


_WRAPPERS = {
    "command": _Wrapper("-v -V -p"),
    "env": _Wrapper("-i -u="),
    "ionice": _Wrapper("-c= -n= -t"),
    "nice": _Wrapper("-n="),
    "nsenter": _Wrapper("-t= -m -u -i -n -p --target= --mount --uts --ipc --net --pid"),
    "stdbuf": _Wrapper("-i= -o= -e="),
    "sudo": _Wrapper("-n -E -H -u= -g= --user= --group= --non-interactive"),
    "time": _Wrapper("-p -v"),
    "timeout": _Wrapper("-k= -s= --kill-after= --signal= --preserve-status --foreground", 1),
    "xargs": _Wrapper("-0 -r -t -x -n= -P= -I= -L= -d= --null --no-run-if-empty --max-args="),
}
_CONTAINERS = names("kubectl oc docker podman nerdctl crictl")
_EXEC_OPTIONS = (
    "-i -t -n= -c= -u= --namespace= --container= --context= --user= --stdin --tty -q "
    "--kubeconfig= --request-timeout= --cluster="
)


def _weigh_wrapped(name: str, words: Sequence[Word], script: Script) -> Proof:
    """A command behind another: sudo, timeout, xargs, ..."""
    if name == "command" and words and words[0].text in ("-v", "-V"):
        return Proof.READS
    wrapper = _WRAPPERS[name]
    at = after_options(words, options_of(wrapper.options), name) + wrapper.operands
    while name in ("env", "sudo") and at < len(words) and re.match(r"\w+=", words[at].text):
        check_variable(words[at].text.partition("=")[0])
        at += 1
    if name == "env" and at >= len(words):
        return Proof.READS
    return weigh_words(words[at:], script, more=name == "xargs")


def _in_container(words: Sequence[Word]) -> Sequence[Word]:
    """The command that `kubectl exec` or `docker exec` runs; empty for what is no `exec`."""
    options = options_of(_EXEC_OPTIONS)
    at = after_options(words, options, "exec") if words and words[0].text.startswith("-") else 0
    if at >= len(words) or words[at].text != "exec":
        return ()
    rest = words[at + 1 :]
    place = after_options(rest, options, "exec") + 1
    behind = rest[place:]
    while behind and behind[0].text.startswith("-") and behind[0].text != "--":
        behind = behind[after_options(behind, options, "exec") :]
    return (behind[1:] if behind and behind[0].text == "--" else behind) or (Word(""),)


def _weigh_awk(words: Sequence[Word], script: Script) -> Proof:
    options = {"-F": "=", "-v": "="}
    at = after_options(words, options, "awk")
    if at >= len(words) or not reads_awk(words[at].text.replace(VALUE, "0")):
        raise Unknown("a program of 'awk'")
    return Proof.READS


def _weigh_sed(words: Sequence[Word], script: Script) -> Proof:
    call = Call("sed", options_of("-n -E -r -u -s -z -e= --quiet --regexp-extended --expression="))
    if any(_may_hide(word, script) for word in words):
        raise Unknown("options of 'sed' that a value could hold")
    call.read(words)
    programs = [value for option, value in call.options if option in ("-e", "--expression")]
    programs = programs or list(call.operands[:1])
    if not programs or not all(reads_sed(text) for text in programs):
        raise Unknown("a program of 'sed'")
    return Proof.READS


def _weigh_find(words: Sequence[Word], script: Script) -> Proof:
    """What it looks for, and each command that it runs on what it finds."""
    own: list[Word] = []
    proof, at = Proof.READS, 0
    while at < len(words):
        if words[at].text == "-delete":
            raise SeenToChange("'find -delete'")
        if words[at].text not in ("-exec", "-execdir"):
            own.append(words[at])
            at += 1
            continue
        end = next((n for n in range(at, len(words)) if words[n].text in (";", "+")), len(words))
        proof = min(proof, weigh_words(words[at + 1 : end], script))
        at = end + 1
    _check_call("find", _FIND, own, script, more=False)
    return proof


def _weigh_shell(words: Sequence[Word], script: Script) -> Proof:
    """`sh -c "..."`, where the text is the author's own."""
    texts = [word.text for word in words]
    if len(texts) < 2 or texts[0] not in ("-c", "-lc", "-ec", "-euc") or VALUE in texts[1]:
        raise Unknown("what a shell is given")
    return script.nested(texts[1])


def _weigh_ssh(words: Sequence[Word], script: Script) -> Proof:
    """A command on another machine, which its shell reads once more."""
    options = options_of("-o= -p= -i= -l= -q -n -T -t -4 -6 -J= -F=")
    at = after_options(words, options, "ssh")
    if any(re.search(r"(?i)command", word.text) for word in words[:at]):
        raise Unknown("an option of 'ssh'")
    command = " ".join(word.text for word in words[at + 1 :])
    if not command or VALUE in command:
        raise Unknown("what 'ssh' is given")
    return script.nested(command)


_FIND = find_program("find") or Program()
_INSIDE: Mapping[str, Callable[[Sequence[Word], Script], Proof]] = {
    **dict.fromkeys(("awk", "gawk", "mawk", "nawk"), _weigh_awk),
    **dict.fromkeys(("sh", "bash", "dash", "ash"), _weigh_shell),
    "find": _weigh_find,
    "sed": _weigh_sed,
    "ssh": _weigh_ssh,
}
"""Programs with a language, or with commands, of their own."""
