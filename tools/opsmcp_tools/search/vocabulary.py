"""Words of the field that mean the same, in English and in Chinese, and the roots of words.

A model words its own query, so this is a general table without turns of speech. Each line of
`_SAME` is about one idea; its first word stands for it. Chinese words are matched inside of running
text, the longest first, because Chinese writes no spaces. Data and pure functions on it.
"""

import re
from collections.abc import Iterator
from functools import cache

__all__ = ["CHANGING", "STOP_WORDS", "concepts_in", "ideas", "stem"]

_SAME = """
restart reboot bounce recycle reload relaunch 重启 重新启动 重载
delete remove destroy erase drop 删除 移除 删掉
kill terminate 杀死 终止
clear clean cleanup purge prune wipe free reclaim flush vacuum 清理 清除 清空 释放 回收
stop shutdown halt disable pause suspend 停止 停用 关闭 暂停
start launch enable resume 启动 开启 启用
list enumerate all get show view display read fetch print 列出 列表 所有 全部 哪些 查看 获取 显示 看
check verify test validate probe ping 检查 检测 测试 校验 验证 探测
inspect diagnose investigate analyze analysis troubleshoot describe why 排查 分析 诊断 详情 原因
search find query lookup locate 搜索 查询 查找
create add make new provision issue register 创建 新建 添加 新增
install setup 安装
uninstall 卸载
upgrade update patch bump 升级 更新
rollback revert undo 回滚
rotate renew refresh 轮换 续期
scale resize grow expand extend 扩容 缩容 伸缩
failover switchover promote switch 切换 主备
reset revoke unlock 重置 撤销 解锁
backup snapshot dump 备份 快照
restore recover 恢复 还原
cordon unschedulable isolate quarantine 封锁 隔离 禁止调度
uncordon schedulable 解除封锁 恢复调度 允许调度
drain evacuate evict vacate 驱逐 排空 腾空
sync synchronize mirror replicate replication copy transfer retag 同步 复制 传输
preload prefetch warm pull download 预热 预加载 拉取 下载
push upload distribute 上传 推送 分发
collect gather bundle archive export 收集 采集 打包 导出
set configure config change adjust tune modify 设置 配置 修改 调整 优化 参数
force forcibly hard immediate immediately 强制 强行
run execute exec 执行 运行
label tag annotate 标签 打标
pod container workload 容器
node machine worker 节点 机器
host server vm instance 主机 服务器
cluster kubernetes k8s 集群
namespace ns 命名空间
service svc unit daemon systemd 服务
deployment deploy rollout release 部署 发布
image registry 镜像
log logging journal 日志
error failure fail broken exception abnormal unhealthy crash fault 错误 异常 故障 失败 报错 崩溃
event alert alarm 事件 告警
disk storage filesystem volume space 磁盘 存储 空间 文件系统
usage utilization consumption full resource 使用率 占用 使用 用量 资源
limit quota request 限制 配额
memory mem ram oom 内存
cpu load processor 处理器 负载
process program 进程
port socket listen 端口 监听
network connectivity connection bandwidth 网络 连接 连通 带宽
ip address 地址
public egress outbound external 公网 出口 外网
dns domain resolve hostname 域名 解析
certificate cert tls ssl https expire expiry 证书 过期
http url website endpoint web 网址 网站 接口
status state condition health healthy ready 状态 健康 就绪
pending stuck unscheduled waiting blocked 挂起 等待 卡住
yaml manifest definition spec 清单 定义
dataset data 数据集 数据
metric prometheus monitor 指标 监控
keyword grep filter pattern 关键字 关键词 过滤
driver nvidia gpu card cuda 显卡
npu ascend 昇腾
io iops read-write 读写
kernel sysctl os system 内核 系统
top heavy largest highest most biggest 最高 最大 最多
user account login 用户 账号
group role permission access grant 组 角色 权限 授权
password secret credential key 密码 密钥 凭据
database db schema 数据库
table index 表 索引
queue topic stream consumer 队列 主题 消费
lag delay latency slow 延迟 慢 滞后
lock deadlock 锁 死锁
job task cron schedule 作业 任务 定时
pipeline runbook workflow 流水线 流程
mount mountpoint 挂载
file path directory folder 文件 路径 目录
cache redis 缓存
owner belong 归属 所属
"""

_SILENT = """
a an and any are as at be been but by can could do does every for from has have how i if in into
is it its just me my need of off on onto or our out over please so some than that the their them
then there these this those to up us use using want was we were what when where which who with
within would you specified specific current currently given
"""

_CHANGES = """
restart delete kill clear stop start create install uninstall upgrade rollback rotate scale failover
reset restore cordon uncordon drain sync preload push set force run label
"""

CHANGING = frozenset(_CHANGES.split())
"""Ideas of those who want something changed."""

STOP_WORDS = frozenset(_SILENT.split())
"""Words that say nothing about an operation."""

_ENDINGS = (
    ("ies", "y"), ("sses", "ss"), ("ches", "ch"), ("shes", "sh"), ("xes", "x"), ("ings", ""),
    ("ing", ""), ("ed", ""), ("ers", "er"), ("ly", ""), ("es", "e"), ("s", ""),
)  # fmt: skip
_KEEP = frozenset({"dns", "os", "process", "status", "kubernetes", "https", "tls", "ns", "address"})
_DOUBLED = re.compile(r"([bdgkmnprt])\1$")


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
def _chinese() -> re.Pattern[str]:
    words = [word for word in ideas() if not word.isascii()]
    return re.compile("|".join(sorted(words, key=len, reverse=True)))


def concepts_in(chinese: str) -> Iterator[str]:
    """The ideas of the known words in a run of Chinese text, in order."""
    for found in _chinese().finditer(chinese):
        yield ideas()[found[0]]
