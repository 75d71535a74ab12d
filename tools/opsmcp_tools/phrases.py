"""opsmcp's own words in definitions of tools, in English and Chinese.

Short on purpose: a definition is paid for in every request. What authors wrote is never translated.
Pure data.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from opsmcp_tools.tool import Kind

__all__ = ["ENGLISH", "Language", "Phrases", "phrases_of"]

Language = Literal["en", "zh"]


@dataclass(frozen=True, slots=True)
class Phrases:
    """The words of one language. Those with braces are filled in with `str.format`."""

    stop: str
    reads: str
    changes: str
    deletes: str
    interrupts: str
    destroys: str
    steps: str
    variants: str
    plain: str
    try_first: str
    undo: str
    optional: str
    default_cluster: str
    local: str
    down: str
    silent: str
    where: str
    or_node: str
    counted: str
    choices: str
    matching: str
    bounds: str
    meanings: Mapping[Kind, str]


ENGLISH = Phrases(
    stop=".",
    reads="Only reads.",
    changes="Changes something.",
    deletes="No undo.",
    interrupts="Interrupts service.",
    destroys="Can interrupt or destroy.",
    steps="Steps: {}.",
    variants="Variants: {}.",
    plain="Plain form: {}.",
    try_first="Try {} first.",
    undo="Undo: {}.",
    optional="may be empty",
    default_cluster="default {}",
    local="local",
    down="down",
    silent="silent",
    where="where to run",
    or_node="or a node of cluster",
    counted="one of {} {}s; list_inventory has them",
    choices="one of {} choices, such as {}",
    matching="must match {}",
    bounds="{} to {}",
    meanings=MappingProxyType(
        {
            Kind.KUBERNETES_NAME: "Kubernetes name",
            Kind.IP: "IP address",
            Kind.CIDR: "network, such as 10.0.0.0/16",
            Kind.URL: "http(s) URL",
            Kind.IMAGE: "image reference",
            Kind.PATH: "absolute path",
            Kind.TOKEN: "one word",
            Kind.HOST: "host name",
        }
    ),
)

_CHINESE = Phrases(
    stop="。",
    reads="只读。",
    changes="会产生变更。",
    deletes="无法撤销。",
    interrupts="会中断服务。",
    destroys="可能造成中断或破坏。",
    steps="步骤:{}。",
    variants="变体:{}。",
    plain="普通形式:{}。",
    try_first="先试 {}。",
    undo="撤销:{}。",
    optional="可为空",
    default_cluster="默认 {}",
    local="本地",
    down="不可达",
    silent="无心跳",
    where="在哪里运行",
    or_node="或 cluster 的节点",
    counted="共 {} 个 {},见 list_inventory",
    choices="共 {} 个选项,例如 {}",
    matching="须匹配 {}",
    bounds="{} 到 {}",
    meanings=MappingProxyType(
        {
            Kind.KUBERNETES_NAME: "Kubernetes 名称",
            Kind.IP: "IP 地址",
            Kind.CIDR: "网段,例如 10.0.0.0/16",
            Kind.URL: "http(s) 网址",
            Kind.IMAGE: "镜像地址",
            Kind.PATH: "绝对路径",
            Kind.TOKEN: "一个单词",
            Kind.HOST: "主机名",
        }
    ),
)


def phrases_of(language: Language) -> Phrases:
    """The words of a language."""
    return _CHINESE if language == "zh" else ENGLISH
