"""What a value of each kind is, in a few words for a definition or a refusal."""

from collections.abc import Mapping
from types import MappingProxyType

from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_tools.phrases.phrase import Phrase

__all__ = ["MEANINGS"]

MEANINGS: Mapping[Kind, Phrase] = MappingProxyType(
    {
        Kind.KUBERNETES_NAME: Phrase("Kubernetes name", "Kubernetes 名称"),
        Kind.IP: Phrase("IP address", "IP 地址"),
        Kind.CIDR: Phrase("network, such as 10.0.0.0/16", "网段,例如 10.0.0.0/16"),
        Kind.URL: Phrase("http(s) URL", "http(s) 网址"),
        Kind.IMAGE: Phrase("image reference", "镜像地址"),
        Kind.PATH: Phrase("absolute path", "绝对路径"),
        Kind.TOKEN: Phrase("one word", "一个单词"),
        Kind.HOST: Phrase("host name", "主机名"),
    }
)
