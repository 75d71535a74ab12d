"""A program called `ssh` that runs the remote command here, and can fail as the real one does.

By the name of the host: `refused-*`, `stranger-*` and `closed-*` say what OpenSSH says when nothing
listens, when the host key is not known, and when sshd has too many logins; `cut-*` ends in the
middle of the script. `ssh -G` says that `via-*` is behind a jump host, that `same-*` are one
address, and that `master-*` and `socket-*` share connections. `NAME.log` in the folder of the
program has a line for each call.
"""

from pathlib import Path

__all__ = ["install_ssh"]

_PROGRAM = """#!/bin/sh
asked=$1
while [ "$1" != -- ]; do shift; done
name=$2 command=$3
if [ "$asked" = -G ]; then
    case $name in same-*) echo "hostname same";; *) echo "hostname $name";; esac
    case $name in via-*) echo "proxyjump gate,second-gate";; esac
    case $name in master-*) echo "controlmaster auto";; *) echo "controlmaster false";; esac
    case $name in socket-*) echo "controlpath /run/socket";; esac
    echo "port 22"
    exit 0
fi
echo "$name" >>"${0%/ssh}/$name.log"
case $name in
refused-*) echo "ssh: connect to host $name port 22: Connection refused" >&2; exit 255;;
stranger-*) echo "Host key verification failed." >&2; exit 255;;
closed-*) echo "kex_exchange_identification: Connection closed by remote host" >&2; exit 255;;
cut-*) (sleep 1; kill -KILL $$) & exec sh -c "$command";;
noisy-*) echo "Welcome to $name"; echo "Last login: today" >&2;;
esac
exec sh -c "$command"
"""


def install_ssh(folder: Path) -> str:
    """Put the program into `folder`; the PATH that has it first."""
    folder.mkdir(exist_ok=True)
    program = folder / "ssh"
    program.write_text(_PROGRAM, encoding="utf-8")
    program.chmod(0o755)
    return str(folder)
