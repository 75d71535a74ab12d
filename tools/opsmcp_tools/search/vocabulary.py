"""The words of the field: which mean the same, in English and in Chinese, and what to leave out.

Each line of `_SAME` is about one idea; its first word stands for it. Chinese words are matched
inside of running text, the longest first, because Chinese writes no spaces. Pure data and a few
functions on it.
"""

import re
from collections.abc import Iterator
from functools import cache

__all__ = [
    "CHANGING",
    "LIGHT",
    "ORDINARY",
    "STOP_WORDS",
    "concepts_in",
    "ideas",
    "pieces_of",
    "related",
    "stem",
]

_SAME = """
restart reboot bounce recycle cycle relaunch respawn reload 重启 重新启动 重起 重拉 roll reroll
restart revive resurrect reinitialise reinitialize boot 重开 重新起 再起
delete remove destroy erase drop 删除 删掉 移除 干掉 删 scrap ditch axe nuke zap toss rm discard
delete retire deregister 扔掉 去掉 撤掉
kill terminate 杀死 杀掉 终止 强杀
clear clean cleanup purge prune wipe free reclaim tidy 清理 清除 清空 释放 腾出 reap flush sweep
clear vacuum declutter 收拾 打扫 腾点 清掉 清一下 清理掉 回收
stop shutdown halt 停止 停掉 关闭 关机
start launch begin 启动 开启
list enumerate all every each which 列出 列表 所有 全部 哪些 有哪些
get show view see display fetch print read find look 查看 看看 看一下 获取 显示 查一下 查看一下
get peek glance eyeball tell inform 瞅 瞧 瞄 看眼 告诉 看下 看
describe detail details explain info information 描述 详情 详细 信息
check verify test probe validate ping 检查 检测 测试 校验 验证 探测
inspect diagnose investigate analyse analyze analysis debug troubleshoot why reason cause 排查 rca
inspect culprit misbehave misbehaving behave wrong 为啥 咋回事 咋了 哪里出错 毛病 诊断 分析 原因
inspect 为什么 为何 定位 怎么回事
search query lookup locate whose 搜索 查询 查找 查 归属
create add make new 创建 新建 添加 增加 新增 建 provision setup spin open 开通 申请
cordon unschedulable quarantine isolate 封锁 禁止调度 不可调度 停止调度 隔离 fence ban bar 摘掉
cordon block 屏蔽 下线调度
uncordon schedulable 解除封锁 恢复调度 允许调度 可调度 解封 取消封锁 解除隔离 unfence readmit 放开
uncordon unblock 解除屏蔽 取消屏蔽
drain evacuate evict empty 驱逐 排空 腾空 疏散 迁走 vacate offload rehome migrate 挪走 搬空
sync synchronize synchronise mirror replicate 同步 clone ship 同步过去
retag transfer copy move 转移 搬运 迁移 拷贝 复制 重打标签
preload prefetch prewarm warm prepull warmup 预热 预加载 预拉取 预先 prime seed prestage stage
preload distribute 分发 预置
pull download 拉取 下载
push upload 推送 上传
collect gather bundle harvest 收集 采集 搜集 grab capture archive pack package zip tarball 抓取
collect material materials 材料 资料 打包 汇总 导出
set configure tune change adjust 设置 配置 调整 调优 修改 优化 bump raise lower increase decrease
set tweak enlarge modify edit 调大 调小 改大 调高 调低 更改
force forcibly forceful forcefully hard immediately 强制 强行 立刻 马上
pod pods container containers workload 容器 容器组 实例
node nodes machine worker 节点 机器
host hosts server servers vm 主机 服务器 宿主机 computer computers box boxes 机子
cluster clusters k8s kubernetes 集群
namespace namespaces ns 命名空间 名字空间 名称空间
service svc services unit daemon systemd 服务
deployment deploy deployments 部署
image images 镜像
log logs logging journal stdout 日志
error errors failure failures failing failed fail broken exception abnormal unhealthy crash busted
error borked kaput wonky sick faulty fault faults dying malfunction trouble problem problems issue
error issues bad fatal 问题 出问题 不正常 坏了 坏掉 crashing crashed 错误 报错 异常 故障 失败 出错
error 崩溃 坏
event events 事件
disk disks storage filesystem filesystems space volume 磁盘 硬盘 存储 空间 文件系统 drive drives
disk ssd hdd 盘符 硬盘空间
usage utilization utilisation consumption used fill full filling fills filled 使用率 使用情况 占用
usage 用量 满 满了 使用 快满了
memory mem ram oom 内存 swap rss heap 内存条
cpu load processor 处理器 负载 cores core processors 核
process processes program programs 进程 程序
port ports socket sockets listening listen 端口 监听
network net connectivity 网络 bandwidth traffic packets packet 流量 带宽 丢包
ip address addresses 地址
public egress outbound external internet 公网 出口 外网
dns domain resolve hostname nameserver 域名 解析
certificate cert certs tls ssl https expire expires expiry expiring 证书 过期 到期
http url website site web endpoint 网址 网站 网页 接口
status state condition health healthy ready readiness 状态 健康 就绪 情况 状况
pending stuck waiting scheduled scheduling unscheduled 挂起 等待 卡住 调度不上 卡在
yaml manifest spec definition 清单 定义 yml json raw 原文
dataset datasets data 数据集 corpus corpora 语料 语料库
metric metrics prometheus 指标 监控
keyword keywords grep filter containing pattern 关键字 关键词 过滤 包含
kubelet
containerd runtime 容器运行时 运行时
gpu nvidia cuda 显卡
npu ascend 昇腾
fabricmanager fabric nvswitch
job jobs task tasks 任务 作业
pipeline pipelines runbook 流水线 流程
mount mounts mounted 挂载 挂载点
io iops i/o iotop diskio 读写
kernel sysctl os operating 内核 系统 操作系统 参数
top heavy biggest largest highest busiest hungry hog hogging most 最高 最大 最多 占用最多 glutton
top culprits offender guzzler hogged 大户 元凶
overview summary 概况 概览 总览 整体 vitals triage summarize summarise orient 全貌 总体 体检
version 版本 release releases
user users 用户
kas
echo parrot 回声 回显
slow lag latency slowly 慢 卡顿 卡 延迟 overloaded stress stressed strain strained
"""

_RELATED = """
delete clear kill
list get describe check
inspect check describe error
restart stop start
preload pull download sync retag
io disk
node host
"""
"""Ideas that are no synonyms and yet often meant for each other."""

_SILENT = """
but or nor if both via per etc vs ask asks asked a an and any are as at be been can could do does
for from has have help how i in into is it its just let me my now of off on onto our out over
please s should so some t tell than that the their them then there these they this those to too up
us want was we were what when where who will with would you your need one about still again after
before during going got give currently right here am m re ve d ll not no never without cannot dont
yet very really like thing things stuff something anything somebody someone keep keeps because
since while though even only whats whos wheres hows pls plz thx thanks hi hello hey guys today
tonight tomorrow yesterday morning minutes minute hour hours ago day days week don doesn didn isn
aren wasn hasn haven won couldn shouldn wouldn cant wont isnt take takes taking took put puts come
comes came go goes gone happen happened happens say says said else left leave try tried make makes
made use uses using used seem seems look looks looking see saw looked needs needed wants wanted
lets much many more less few lot lots bit kind way back already soon ever always often maybe
perhaps sure ok okay fine well good actually exactly quickly quick once enough also first last next
other another same different whole own his her him she he myself ourselves anyone everyone
everything nothing each every boss people folks customer customers mine whatever wherever whenever
which whichever
"""

_CHANGES = """
restart delete clear kill stop start create cordon uncordon drain sync retag preload pull push set
force collect
"""

CHANGING = frozenset(_CHANGES.split())
"""Ideas of those who want something changed."""

LIGHT = frozenset({"get", "list", "check", "inspect", "search", "describe"})
"""Ideas that most questions begin with."""

STOP_WORDS = frozenset(_SILENT.split())
"""English words that say nothing about an operation."""

_COMMON = """
bin bins brick red party roof fat stuff sit sits sat hit hits run runs ran big bad old new low high
fine real dead side sides size line lines live lives life lost lose loose late later long short
soft hard hand hands head heads half hold held holds hope idea into join kept kind know knows known
land lead light like made main make mean means mind miss moment month months name nice none note
once open part past pay plan play point poor pretty right room rule safe same seem self send sent
shall ship shot show sign since slot some sort spot stay step store such sure talk team tell term
test than that them then thing time told took total town trip true turn type unit very wait walk
wall want warm ways well went what when wide wild will wish with wood word work works world worse
worst wrong year years loud place places please plug pile pieces price print order orders model
models batch train training prod stage staging loses web api app apps master base basic care case
cases cause chat close cost count cover date deal deep door down draw drive each early earn edge
end ends enter exact extra eye face fact fair fall far fast feel few field file fire firm five flow
fly food foot form four front full game gave girl glad goal gold gone grand great green ground
group grow guess guy
"""

ORDINARY = frozenset(_COMMON.split())
"""Ordinary English words that are no slip of one of the field's."""

_ENDINGS = (
    ("iness", "y"), ("ies", "y"), ("sses", "ss"), ("ches", "ch"), ("shes", "sh"), ("xes", "x"),
    ("ings", ""), ("ing", ""), ("edly", ""), ("ed", ""), ("ers", "er"), ("ly", ""), ("es", "e"),
    ("s", ""),
)  # fmt: skip
_KEEP = frozenset({"dns", "os", "process", "status", "kubernetes", "https", "tls", "ns", "address"})
_DOUBLED = re.compile(r"([bdgkmnprt])\1$")


_PIECE = re.compile(r"[a-z]+|[0-9]+|[\u3400-\u9fff]+")


def pieces_of(text: str) -> list[str]:
    """The runs of letters, of digits and of Chinese in a text of small letters, in order."""
    return _PIECE.findall(text)


@cache
def stem(word: str) -> str:
    """A word without its commonest endings: `restarting`, `restarted`, `restarts` are the same."""
    if len(word) < 4 or word in _KEEP or not word.isascii() or not word.isalpha():
        return word
    for ending, instead in _ENDINGS:
        root = word.removesuffix(ending)
        if root == word or len(root) < 3 or (ending == "s" and root.endswith(("s", "u", "i"))):
            continue
        root = _DOUBLED.sub(r"\1", root) if ending in ("ing", "ed", "ings") else root
        return (root + instead).removesuffix("e") if len(root) > 3 else root + instead
    return word.removesuffix("e") if len(word) > 4 else word


@cache
def ideas() -> dict[str, str]:
    """Each known word, stemmed where it is English, to the word that stands for its idea."""
    known: dict[str, str] = {}
    for line in _SAME.strip().splitlines():
        first, *others = line.split()
        for word in (first, *others):
            known.setdefault(stem(word), first)
    return known


@cache
def related() -> dict[str, frozenset[str]]:
    """Each idea to those that are often meant for it."""
    lines = [frozenset(line.split()) for line in _RELATED.strip().splitlines()]
    every = frozenset[str]().union(*lines)
    return {
        idea: frozenset[str]().union(*(line for line in lines if idea in line)) - {idea}
        for idea in every
    }


@cache
def _chinese() -> re.Pattern[str]:
    words = [word for word in ideas() if not word.isascii()]
    return re.compile("|".join(sorted(words, key=len, reverse=True)))


def concepts_in(chinese: str) -> Iterator[str]:
    """The ideas of the known words in a run of Chinese text, in order."""
    for found in _chinese().finditer(chinese):
        yield ideas()[found[0]]
