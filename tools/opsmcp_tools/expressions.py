"""What people on call say, and the ideas they mean by it: `journalctl` is a service and its logs.

Used for questions only; texts of operations say what they mean. Each line of `_MEANS` has ideas of
`vocabulary` (or plain words), then what is said for them: commands of Unix and kubectl, states and
reasons of Kubernetes, messages of the system, and turns of speech. English is matched word by word,
Chinese inside of running text; the longest match wins. Pure data and a function on it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from opsmcp_tools.vocabulary import pieces_of

__all__ = ["Expression", "expressions", "expressions_in"]

_MEANS = """
disk usage: df; du; ncdu; lsblk; enospc; no space left; no space left on device; disk full
disk usage: out of space; out of disk; out of inodes; inode; inodes; eats the disk; disk pressure
disk usage: diskpressure; deleted files; open files; 分区; 根分区; 磁盘告警; 爆盘; 写满
disk usage: folder; folders; directory; directories; big files; grew; growing; 目录; 文件
disk clear: gigabytes; gb; megabytes; mb; get space back; give back space; sweep; throw away
disk io process: iotop; iostat; iowait; io wait; disk wait; pidstat; 磁盘读写; 读写高
disk clear: log rotation; old files; reclaim; make room; 腾空间; 垃圾文件; 旧日志
mount: mountpoint; mountpoints; umount; unmount; fstab; nfs; 挂载残留
top process: top; htop; atop; vmstat; burning; hogging; eating up; chewing; memory leak; leaking
top process: out of memory; oom killer; consuming; spiking; maxed; pegged; 飙高; 打满; 跑满; 吃光
top process: 耗资源; 耗内存; 耗时; 占满
process: ps; ps aux; pstree; pgrep; lsof; zombie; zombies; defunct
overview host: uptime; load average; loadavg; free m; swap; swapping; sluggish; health check
overview host: general state; in general; whole picture; how is the machine; how is the server
overview host: 很卡; 变慢; 负载过高; 负载高; 体检; 巡检
port listen: netstat; ss; ss tlnp; eaddrinuse; address already in use; already in use; bind; bound
port listen: accept connections; accepts connections; open ports; daemons; 谁在监听
port listen: bound to; 被占用; 端口占用; 监听端口
service status: systemctl; systemctl status; is up; is down; is running; is alive; not running
service status: is * up; is * down; is * running; is * alive; up and running
service status: come up; came up; back up; started; still alive; 还在运行; 起来了
service status: 挂了; 没起来; 没启动; 起没起来; 停了; 还活着
service log: journalctl; journal; syslog; dmesg; 系统日志
check http: curl; wget; status code; bad gateway; gateway timeout; unavailable; 4xx; 500; 502; 503
check http: reachable; unreachable; page; homepage; login page; 首页; 页面; 能不能访问
check http: 504; 404; http error; 打不开; 访问不了; 访问不通; 状态码; 响应慢
check dns: nslookup; dig; nxdomain; servfail; resolv; cname; name or service not known; no such host
check dns: 解析不了; 解析失败; 解析不到
check certificate: openssl; x509; handshake; not trusted; untrusted; 到期; 快到期; 证书链
set kernel: ulimit; tunables; knobs; somaxconn; swappiness; tune; 调内核
public ip: nat; egress ip; outbound ip; external ip; leave the; 出网; 外网地址
search ip cluster: who owns; belongs to; whose ip; behind this ip; this ip; 归谁; 属于; 是谁的
get log pod: kubectl logs; crash log; output of; 打印了什么; 控制台输出
get pod yaml: o yaml; kubectl get pod o yaml
describe pod: kubectl describe; liveness probe; readiness probe; probe failing
describe pod: exit code; backoff; 探针; 退出码
inspect pod restart: crashloopbackoff; crashloop; crash loop; oomkilled; restart count
inspect pod restart: restart loop; crash looping; keeps restarting; 反复重启; 一直重启; 不断重启
inspect pod restart: 频繁重启; 重启次数
inspect pod error: imagepullbackoff; errimagepull; image pull; createcontainererror; 起不来
inspect pod error: 启动不了; 启动失败; 拉取失败; 拉不下来
inspect pod pending: failedscheduling; unscheduled; not scheduled; be scheduled; get scheduled
inspect pod pending: insufficient; insufficient cpu; insufficient memory; nodes are available
inspect pod pending: without a node; no node; not placed; does not start; 没有节点
inspect pod pending: 调度不上; 调度不上去; 调度不了; 调度失败; 资源不足; 排不上
clear pod error: finished; finished pods; crashed pods; leftover pods; stale pods; 失败的
clear pod error: evicted; evicted pods; completed pods; failed pods; dead pods; 被驱逐
force delete pod: terminating; won t die; will not die; refuses to die; won t terminate
force delete pod: grace period; finalizer; finalizers; 删不掉; 删除不了; 杀不掉
pod: replica; replicas; sidecar; workload; workloads; statefulset; daemonset; 副本
metric error 200: 5xx; non 200; not 200; error rate; success rate; 错误率; 成功率
host: box; boxes; bare metal; vm; 物理机; 虚拟机
host list: inventory; 资产; 机器清单
node status: notready; not ready; unready; node down; nodes down; 未就绪; 不就绪; 失联
cordon: stop scheduling; out of rotation; out of service; scheduling disabled; no new pods
cordon: away from; keep away; no more pods; nothing new; 不要再; 不再调度; 不让调度
cordon: take out of rotation; do not schedule; unscheduable; 停调度; 别再调度; 摘除
uncordon: back into rotation; back in rotation; back into service; back in service; put back
uncordon: take pods again; allow pods; accept pods; schedule again; after maintenance; 恢复使用
uncordon: reopen; open again; re enable; enable again; usable again; 重新接收; 修好; 重新启用
uncordon: 放开调度; 重新上线; 恢复上线
drain: evict; before maintenance; move everything; move workloads; vacate; take everything off
drain: hardware; off the node; clear a node; clear the node; free a node; decommission a node
drain: kernel upgrade; 维护前; 清空节点; 迁走; 赶走
restart: reset; hard reset; power cycle; kick; start again; bring back; off and on; start fresh
restart: recreate; 拉起; 重新拉起; 再启动
restart node: hung; hangs; frozen; froze; machine hung; 死机; 宕机; 假死; 没响应
restart: unresponsive; not responding; 卡死
kubelet: node agent; 节点代理
containerd: docker; dockerd; cri; crio; cri o; container engine; container runtime; 容器引擎
gpu manager: device plugin; gpu plugin; vgpu; gpu cards; 显卡管理; 显卡插件
gpu: nvidia smi; xid; accelerator; graphics card; 卡掉了; 掉卡
npu: huawei; accelerator; davinci; 华为
fabricmanager: nvlink; nvswitch
collect log: diagnostics; support bundle; for the vendor; 厂商
sync image: copy an image; mirror; another registry; registry; registries; 镜像仓库; 另一个仓库
retag image: rename; tag; tags; image tag; 改名; 打标签; 标签; 改个标签
preload image: warm up; beforehand; image cache; 提前拉取; 预先拉取
preload dataset: data cache; warm the data; training data; 数据缓存
dataset status: how far; progress; loading; 加载到哪; 进度
create namespace: tenant; tenant space; 新租户; 租户
delete host: decommission; decommissioned; retire; retired; unregister; 下线; 报废; 退役
list pipeline: automation; automations; playbook; playbooks; workflow; workflows; recipes; 自动化
list pod node: placed on; living on; hosted on; hosted by; 在哪些节点
list pod node: running on; runs on; scheduled on; 跑了哪些; 跑着哪些; 在跑什么
list pod: kubectl get; kubectl get pods; get pods; what is running; everything running; 在跑的
"""

_MOST_WORDS = 5
"""Of an expression. A `*` in the middle of three stands for any word."""


@dataclass(frozen=True, slots=True)
class Expression:
    """Ideas that were meant, and which of the words said so: from `start` up to `end`."""

    ideas: tuple[str, ...]
    start: int
    end: int


def expressions_in(words: Sequence[str]) -> Iterator[Expression]:
    """What is meant by the words of a question, in small letters; a run of Chinese is one word."""
    at = 0
    while at < len(words):
        found = _at(words, at)
        if found is not None:
            yield found
        elif not words[at].isascii():
            for match in _chinese().finditer(words[at]):
                yield Expression(expressions()[match[0]], at, at)
        at = found.end if found is not None else at + 1


def _at(words: Sequence[str], start: int) -> Expression | None:
    for end in range(min(start + _MOST_WORDS, len(words)), start, -1):
        said = words[start:end]
        ideas = expressions().get(" ".join(said))
        if ideas is None and len(said) == 3:
            ideas = expressions().get(f"{said[0]} * {said[2]}")
        if ideas is not None:
            return Expression(ideas, start, end)
    return None


@cache
def expressions() -> dict[str, tuple[str, ...]]:
    """Each expression, its words separated by a space, with the ideas that are meant by it."""
    table: dict[str, tuple[str, ...]] = {}
    for line in _MEANS.strip().splitlines():
        ideas, _, said = line.partition(": ")
        for expression in said.split("; "):
            parts = (pieces_of(part) or [part] for part in expression.split())
            words = " ".join(word for part in parts for word in part)
            table[words] = tuple(dict.fromkeys((*table.get(words, ()), *ideas.split())))
    return table


@cache
def _chinese() -> re.Pattern[str]:
    words = [word for word in expressions() if not word.isascii()]
    return re.compile("|".join(sorted(map(re.escape, words), key=len, reverse=True)))
