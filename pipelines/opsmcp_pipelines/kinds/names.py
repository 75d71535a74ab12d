"""What the name of a variable tells: words, secrets, and whether it names a place. Pure.

The word lists come from the manifests that ship with Ops, and from values of runbooks.
"""

import re
from functools import lru_cache

__all__ = [
    "CLUSTER",
    "HOST",
    "WHITE",
    "WHITELIST",
    "is_secret_name",
    "names_cluster",
    "names_machine",
    "names_namespace",
    "words_of",
]

CLUSTER = "cluster"
HOST = "host"
WHITE = "white"
"""Who calls, for the whitelist checks of Ops' own pipelines."""
WHITELIST = "whitelist"

_MORE = r"s?(?:-?(?:name|list)s?)*(?:-?[0-9]+)?"
"""What may follow and changes nothing: `hosts`, `host_name`, `host-list`, `host2`."""
_MACHINE = re.compile(rf"(?:.*(?:host|node)|(?:.*-)?(?:machine|server|vm)){_MORE}")
_CLUSTER = re.compile(rf".*cluster{_MORE}")
_NAMESPACE = re.compile(rf"(?:.*namespace|(?:.*-)?ns){_MORE}")

_SECRET_WORDS = re.compile(
    r"ak|sk|token|password|passwd|pwd|passphrase|secret|aeskey|apikey|kubeconfig"
    r"|privatekey|keycontent|accesskey|secretkey|sshkey|credential|credentials|auth|cookie"
    r"|dsn|jwt"
)
_SECRET_PAIRS = re.compile(r"(aes|api|private|access|secret|ssh)-key|key-content|kube-config")

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATOR = re.compile(r"[-_.\s]+")


@lru_cache(maxsize=4096)
def words_of(name: str) -> tuple[str, ...]:
    """The lower-case words of a name: `podName`, `pod-name` and `pod_name` are the same."""
    split = _SEPARATOR.split(_CAMEL.sub("-", name))
    return tuple(word.lower() for word in split if word)


def is_secret_name(name: str) -> bool:
    """Whether a variable of that name holds a secret. `secret_name` does not."""
    words = words_of(name)
    return bool(words) and (
        _SECRET_WORDS.fullmatch(words[-1]) is not None
        or _SECRET_PAIRS.fullmatch("-".join(words[-2:])) is not None
    )


def names_machine(name: str) -> bool:
    """Whether a variable of that name names machines, be it where something runs or what for."""
    return _is_called(_MACHINE, name)


def names_cluster(name: str) -> bool:
    """Whether a variable of that name names clusters."""
    return _is_called(_CLUSTER, name)


def names_namespace(name: str) -> bool:
    """Whether a variable of that name names namespaces."""
    return _is_called(_NAMESPACE, name)


@lru_cache(maxsize=4096)
def _is_called(pattern: re.Pattern[str], name: str) -> bool:
    return pattern.fullmatch("-".join(words_of(name))) is not None
