"""What a variable means, and so how its values are checked: the table in the design.

Real Ops variables say little, so the meaning is inferred from the name, sharpened by what is
declared (enums, regex, default) and overridden by configuration. Pure; knows neither the inventory
nor schemas. The word lists come from the manifests that ship with Ops.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.models import Variable

__all__ = [
    "CLUSTER",
    "HOST",
    "WHITE",
    "WHITELIST",
    "is_secret_name",
    "kind_of",
    "names_cluster",
    "names_machine",
    "names_namespace",
    "names_several",
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
_SEVERAL = re.compile(r".*(?:s|list)(?:-?[0-9]+)?")

_NO_OVERRIDES: Mapping[str, Kind] = MappingProxyType({})

_SECRET_WORDS = re.compile(
    r"ak|sk|token|password|passwd|pwd|passphrase|secret|aeskey|apikey|kubeconfig"
    r"|privatekey|keycontent|accesskey|secretkey|sshkey|credential|credentials|auth|cookie"
    r"|dsn|jwt"
)
_SECRET_PAIRS = re.compile(r"(aes|api|private|access|secret|ssh)-key|key-content|kube-config")
_KUBERNETES = re.compile(
    r"pod|node|svc|service|namespace|ns|deploy|deployment|statefulset|sts|daemonset|ds"
    r"|replicaset|configmap|cm|pvc|pv|ingress|cronjob|container|dataset|hpa|serviceaccount"
    r"|storageclass"
)
_NAMED_KUBERNETES = re.compile(rf"{_KUBERNETES.pattern}|secret|host")
_COUNTS = re.compile(
    r"topk|top|threshold|port|second|seconds|minutes|hours|days|count|limit|min|max|lines"
    r"|tail|replicas|percent|number|num|retries|offset|kib|mib|gib"
)
_NO_COUNTS = frozenset({"version", "id", "tag", "mode", "serial"})
_FLAGS = re.compile(r"dryrun|force|enabled?|disabled?|verbose|recursive|debug|follow")
_IMAGE_ENDS = frozenset({"source", "destination", "src", "dst", "from", "to"})

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATOR = re.compile(r"[-_.\s]+")
_WHOLE_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})")
_IP = re.compile(r"(cluster|pod|node|src|dst|host|public|private|target|svc|service|v)?ip")
_URL = re.compile(r"(.*(url|uri|endpoint)|.+api|api)")
_PATH = re.compile(r"(.*(path|dir|directory|folder)|(local|remote|log|config)?file)")


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


def names_several(name: str) -> bool:
    """Whether a variable that names machines may name more than one: `hosts`, `node_list`."""
    return _is_called(_SEVERAL, name)


@lru_cache(maxsize=4096)
def _is_called(pattern: re.Pattern[str], name: str) -> bool:
    return pattern.fullmatch("-".join(words_of(name))) is not None


def kind_of(variable: Variable, overrides: Mapping[str, Kind] = _NO_OVERRIDES) -> Kind:
    """The kind of `variable`; `overrides` are by name and beat everything but a fixed value."""
    if variable.value is not None:
        return Kind.BOUND
    if variable.name in overrides:
        return overrides[variable.name]
    special = {CLUSTER: Kind.CLUSTER, HOST: Kind.HOST, WHITE: Kind.BOUND, WHITELIST: Kind.BOUND}
    if variable.name.lower() in special:
        return special[variable.name.lower()]
    if is_secret_name(variable.name):
        return Kind.BOUND
    return _declared(variable) or _named(variable) or _by_default(variable) or Kind.TOKEN


def _declared(variable: Variable) -> Kind | None:
    if any(variable.enums):
        return Kind.CHOICE
    if variable.regex:
        return Kind.PATTERN
    if variable.default in ("true", "false"):
        return Kind.FLAG
    return None


def _named(variable: Variable) -> Kind | None:
    words = words_of(variable.name)
    if not words:
        return None
    last = words[-1]
    if last in ("cidr", "subnet") or last.endswith("cidr"):
        return Kind.CIDR
    if _IP.fullmatch(last):
        return Kind.IP
    if _URL.fullmatch(last):
        return Kind.URL
    if _names_image(words, variable):
        return Kind.IMAGE
    if _PATH.fullmatch(last):
        return Kind.PATH
    if _names_kubernetes(words, variable):
        return Kind.KUBERNETES_NAME
    return _named_number(words, variable)


def _named_number(words: tuple[str, ...], variable: Variable) -> Kind | None:
    if not variable.default and (_FLAGS.fullmatch("".join(words)) or _FLAGS.fullmatch(words[-1])):
        return Kind.FLAG
    if not variable.default and _COUNTS.fullmatch(words[-1]):
        return Kind.COUNT
    return None


def _names_image(words: tuple[str, ...], variable: Variable) -> bool:
    if words[-1] in ("image", "img") or words[-2:] == ("image", "name"):
        return True
    told = f"{variable.display} {variable.desc}".lower()
    return words[-1] in _IMAGE_ENDS and "image" in told


def _names_kubernetes(words: tuple[str, ...], variable: Variable) -> bool:
    told = words_of(f"{variable.display} {variable.desc}")
    if "systemd" in told or "unit" in told:
        return False
    if _KUBERNETES.fullmatch(words[-1]):
        return True
    # `pod_name` and `podname` are the same.
    subject = "".join(words[-2:]) if words[-1] == "name" else words[-1]
    named = subject.endswith("name")
    return named and _NAMED_KUBERNETES.fullmatch(subject.removesuffix("name")) is not None


def _by_default(variable: Variable) -> Kind | None:
    samples = [text for text in (variable.default, *variable.examples) if text]
    if not samples:
        return None
    if all(text.startswith(("http://", "https://")) for text in samples):
        return Kind.URL
    if variable.default and variable.default.startswith("/"):
        return Kind.PATH
    named_otherwise = _NO_COUNTS.intersection(words_of(variable.name))
    if variable.default and _WHOLE_NUMBER.fullmatch(variable.default) and not named_otherwise:
        return Kind.COUNT
    return None
