"""What people on call say, and the ideas they mean by it: `journalctl` is a service and its logs.

Used for questions only; texts of operations say what they mean. Each line of `_MEANS` has ideas of
`vocabulary` (or plain words), then what is said for them: commands of Unix and kubectl, states and
reasons of Kubernetes, names of alerts, messages of the system, and turns of speech. English is
matched by the stems of its words, written as one or not (`CrashLoopBackOff`, `crash loop backoff`),
Chinese inside of running text; the longest match wins. Pure data and a function on it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from opsmcp_tools.search.vocabulary import pieces_of, stem

__all__ = ["Expression", "expressions", "expressions_in", "is_said", "single_words"]

_MEANS = """
disk usage: df; df h; du; du sh; ncdu; lsblk; enospc; no space left; no space left on device
disk usage: disk full; out of space; out of disk; out of inodes; inode; inodes; eats the disk
disk usage: no room; no room left; run out of room; taking up room; what takes up; takes the place
disk usage: file system; almost full; filling up; disk pressure; deleted files; open files
disk usage: tree size; folder; folders; directory; directories; big files; large files; grew
disk usage: growing; bloat; root partition; partition; partitions; quota exceeded; write failed
disk usage: read only file system; 分区; 根分区; 根目录; 磁盘告警; 爆盘; 盘爆; 盘满; 写满; 目录
disk usage: 文件; 大文件; 撑爆; 占空间; 占地方; 空间不够; 空间不足; 没空间; 剩余空间; 还剩多少
disk usage: 剩多少; 写不进去; 占了多少; bytes; where did * space; persistentvolumefillingup
disk usage: filesystemspacefillingup; storage full; runs full; nearly full; percent full; 快满了
disk usage: 容量; 什么占; 占满磁盘; 还有多少空间; at its limit; ephemeral storage; df output
disk usage: 快爆了; 报警了; 告警了; 空间告急; 告急; root fs; fs; rootfs; overlay; overlayfs; lvm
disk usage: vg; thin pool
disk clear: gigabytes; gb; megabytes; mb; gigs; get space back; give back space; sweep; throw away
disk clear: log rotation; rotate logs; logrotate; old files; reclaim; make room; make some room
disk clear: junk; rubbish; garbage; trash; unused images; dangling; docker prune; system prune
disk clear: image prune; vacuum; temp files; tmp files; temporary files; image garbage collection
disk clear: imagegc; dangling images; 腾空间; 腾点; 腾地方; 垃圾文件; 垃圾; 旧日志; 临时文件
disk clear: 无用镜像; 没用的镜像; 悬空镜像; 瘦身; 清一下; 清一清; 清盘; 清磁盘; 扫一扫; 腾一腾
disk clear: crap; cruft; leftovers on disk; nightly builds; old builds; core dumps; 没用的
disk clear: 用不到的; 删一删; 清一波; container leftovers; unused volumes; unused containers
disk clear: old backups; cache files; 缓存文件
disk io process: iotop; iostat; iowait; io wait; disk wait; pidstat; disk busy; busy disk
disk io process: disk latency; disk throughput; thrashing; io saturation; hammering the disk
disk io process: wearing out; 磁盘读写; 读写高; 读写; 写盘; 刷盘; 狂写; 写磁盘; 读磁盘; 磁盘繁忙
disk io process: 磁盘很忙; 磁盘慢; jbd2; fsync; fsyncing; kworker; floods the disk; writeback
disk io process: dirty pages; blkio; iops high
mount: mountpoint; mountpoints; umount; unmount; fstab; nfs; stale file handle; 挂载残留; 挂载
mount: 卸载
top process: top; htop; atop; vmstat; burning; hogging; eating up; chewing; memory leak; leaking
top process: out of memory; oom killer; consuming; spiking; pegged; resource hungry; greedy
top process: expensive; heavyweight; runaway; 飙高; 打满; 跑满; 吃光; 耗资源; 耗内存; 耗时; 占满
top process: 吃资源; 吃内存; 吃 cpu; 占资源; 爆了; 飙升; 飙到; 内存泄漏; 内存不足; 内存不够; 内存爆
top process: nuts; crazy; 罪魁祸首; 元凶; 谁干的; eats; eating; hogs; hog; devour; devours; swallow
top process: gobble; gobbles; guzzle; sorted by; 最耗; 最费
process: ps; ps aux; ps ef; pstree; pgrep; lsof; zombie; zombies; defunct; pid; pids; threads
process: 进程号
overview host: uptime; load average; loadavg; free m; swapping; sluggish; health check; laggy
overview host: general state; in general; whole picture; how is the machine; how is the server
overview host: vitals; general check; checkup; check up; triage; first look; at a glance
overview host: sanity check; saturation; something wrong; acting up; weird; feel slow; crawling
overview host: high load; system load; 很卡; 变慢; 负载过高; 负载高; 体检; 巡检; 卡得要死; 卡死了
overview host: 好卡; 太卡; 特别卡; 卡顿; 怎么样; 咋样; 正常不; 运行状况; 健康检查; 资源情况; 全面
overview host: 摸底; 不对劲; general condition; condition of; condition of the host; shape; cores
overview host: orient me; first impression; lie of the land; something off; misbehaving machine
overview host: high cpu load; cpu high; memory high; memory utilization; psi; 状态总览; 整体情况
port listen: netstat; ss; ss tlnp; eaddrinuse; address already in use; already in use; bind; bound
port listen: nmap; accept connections; accepts connections; open ports; bind failed; holding port
port listen: 谁在监听; 在监听; 端口冲突; 占端口; bound to; 被占用; 端口占用; 监听端口; 开了哪些端口
port listen: 开放端口; listener; listeners; occupies; port conflict; tcp; udp; 占了; 谁占; 占用了
port listen: answers on; answering on; serves on; locally; is port; 有没有在监听; 起端口; 端口通
service status: systemctl; systemctl status; is up; is down; is running; is alive; not running
service status: is * up; is * down; is * running; is * alive; is * dead; up and running
service status: did * start; come up; came up; back up; still alive; still running; flapping
service status: 还在运行; 起来了; 在不在; 在跑吗; 还在跑; 跑着没; 起来没; 启动没; 活着没
service status: 有没有起来; 掉线; 挂了; 没起来; 没启动; 起没起来; 停了; 还活着; 挂掉; 死了
service status: 还在不在; 起没起; 活着; daemon alive; since boot; enabled at boot; survive
service status: 开机自启; 自启; 跑没跑; 运行没; 正常运行; node exporter; exporter
service status: entered failed state; failed state; agent; gunicorn; 进程还在; 存活
service: nginx; apache; httpd; mysql; mysqld; mariadb; postgres; postgresql; redis; mongodb; kafka
service: etcd; rabbitmq; sshd; cron; crond; chronyd; ntpd; haproxy; rsyslogd; firewalld; keepalived
service: consul; zookeeper; elasticsearch; nats; minio; grafana; alertmanager; squid; memcached
service: tomcat; 守护进程; telegraf; fluentd; filebeat; exporter; kube proxy; dnsmasq; vsftpd
service: php fpm; supervisor; puppet; zabbix
service log: journalctl; journal; syslog; dmesg; system log; unit log; 系统日志; failed to start
service log: failed unit; unit failed; start request repeated; complain; complained; bail out
service log: bailed out; why did * fail; 服务报了什么; 服务日志
check http: curl; wget; status code; bad gateway; gateway timeout; unavailable; 4xx; 500; 502; 503
check http: reachable; unreachable; page; homepage; login page; probe http; blackbox; browser
check http: response time; latency of; get request; healthz; livez; readyz; ping url; api; webhook
check http: connection refused; landing page; uri; redirect; redirects; health page; 504; 404; 403
check http: http error; 打不开; 访问不了; 访问不通; 状态码; 响应慢; 官网; 链接; 能不能通; 首页
check http: 页面; 能不能访问; 登录页; 浏览器; 接口; 响应时间; 能打开; 通不通; 站点; 前端; blank
check http: blank page; white page; website; 白屏; 页面白; 转圈; 加载不出; 刷不出; 通吗; 能访问
check http: 网关超时; ingress; portal down; load balancer; 网关; 入口; 支付接口; econnrefused
check http: etimedout; health check failed; probe it; timed out; err connection; 健康检查失败; 探活
check http: probe success; target down; blackbox exporter; synthetic check; ping check
check http: uptime check
check dns: nslookup; dig; nxdomain; servfail; resolv; cname; name or service not known
check dns: no such host; coredns; core dns; mx; txt record; a record; aaaa; name lookup
check dns: name server; resolver; fqdn; svc cluster local; temporary failure in name resolution
check dns: could not resolve; unknown host; resolv conf; name resolution; 解析不了; 解析失败
check dns: 解析不到; 解析成; 解析到; 指向哪; enotfound; getaddrinfo; eai again; gaierror
check dns: propagated; record; records; unresolvable; zone
check certificate: openssl; openssl s client; x509; handshake; not trusted; untrusted; self signed
check certificate: issuer; cert manager; lets encrypt; renew; renewal; renewed; pem; padlock
check certificate: not secure; 到期; 快到期; 证书链; 续期; 续签; 不安全; 还有几天; err cert
check certificate: ssl error; cert date invalid; cert authority; certificate verify failed; pkix
check certificate: 颁发; 签发
set kernel: ulimit; tunables; knobs; somaxconn; swappiness; tune; max map count; ip forward; nofile
set kernel: file max; file descriptors; too many open files; conntrack; tcp keepalive; sysctls
set kernel: proc sys; kernel params; hugepages; inotify; 调内核; 调优; 系统优化; 句柄; 文件描述符
set kernel: 连接跟踪; tcp backlog; net core; net ipv4; sysctl; open file limit; 系统参数; 参数调优
set kernel: vm; sysctl conf; everywhere; kernel settings; 改成; 调成
public ip: nat; egress ip; outbound ip; external ip; leave the; whitelist our; allowlist
public ip: firewall rule; ifconfig me; icanhazip; ipinfo; wan; facing; what is my ip; our ip
public ip: seen from outside; 出网; 外网地址; 外网; 公网; 出口; 对外; 白名单; 加白; 出去的
public ip: source address; seen by; seen by the internet; partner; partners; our outgoing; 源地址
public ip: 对方; 第三方
search ip cluster: who owns; belongs to; whose ip; behind this ip; this ip; unknown ip; mystery ip
search ip cluster: vip; behind ip; find ip; ip lookup; which pod has; which service has
search ip cluster: reverse lookup; 归谁; 属于; 是谁的; 哪个 pod 的 ip; 对应哪个; 对应的; 谁的
search ip cluster: 谁在用; 反查; 是啥; service ip; pod ip; node ip; address of the service
search ip cluster: internal ip; 内网 ip; 这个地址; 哪个服务
get log pod: kubectl logs; kubectl log; crash log; output of; stdout; stderr; console
get log pod: console output; last words; last lines; spits; spat; stack trace; stern; traceback
get log pod: logs f; dump logs; recent output; 打印了什么; 控制台输出; 输出; 打印; 控制台; 打日志
get log pod: 堆栈; 吐了什么; 说了什么; 最后几行; peek at output; printed to the console; 打了啥
get log pod: 打印啥; 日志瞅; 输出了; 吐; 日志里写; died with; exception; last output; final output
get log pod: 最后输出; 最后的输出; 跑的日志; 看输出
get log pod keyword: grep; egrep; occurrences; occurrence; mentions; mentioning; log filter; 过滤
get log pod keyword: 搜日志; log search; search logs; search the logs; with the word; 关键字
get log pod keyword: 关键词; 字样; 搜一下; 含有; 包含; 带有; 出现过; 有没有出现; request id
get log pod keyword: trace id; order id; was processed; whether * appears; error lines; 订单号
get log pod keyword: 请求号; 流水号; 查 exception
get pod yaml: o yaml; oyaml; kubectl get pod o yaml; as yaml; definition; full spec; raw object
get pod yaml: resource limits; limits and requests; env vars; environment variables; volumes of
get pod yaml: 配置文件; 资源限制; 环境变量; 完整定义; 原始配置; yml; source of the pod; declared
get pod yaml: mounts and env; env; 原始; 导出来; 完整配置; 模板; serviceaccount; service account
get pod yaml: which image; image and; mounted secrets; configmap; annotations; labels of the pod
get pod yaml: 用的什么镜像; 什么镜像; 镜像版本; 注解; 挂了哪些卷
describe pod: kubectl describe; liveness probe; readiness probe; probe failing; probes; describe po
describe pod: init container; exit code; backoff; 探针; 退出码; 详细信息; 详情; 就绪探针; 存活探针
inspect pod restart: crashloopbackoff; crashloop; crash loop; oomkilled; restart count; oom killed
inspect pod restart: oom kill; restart loop; crash looping; keeps restarting; number of restarts
inspect pod restart: flaps; reboot loop; keeps crashing; keeps dying; dies right after
inspect pod restart: comes and goes; too many restarts; 反复重启; 一直重启; 不断重启; 老重启
inspect pod restart: 老是重启; 总是重启; 自己重启; 不停重启; 频繁重启; 重启次数; 为什么重启
inspect pod restart: 重启原因; 无限重启; 循环重启; 反复崩; 一直崩; 老崩; 总挂; liveness
inspect pod restart: liveness probe; back off restarting; oom 了; 好几次; 存活探测; 疯狂重启
inspect pod restart: 狂重启; 一直在重启
inspect pod error: imagepullbackoff; errimagepull; image pull; createcontainererror; 起不来; 不正常
inspect pod error: invalidimagename; createcontainerconfigerror; runcontainererror
inspect pod error: container cannot run; errimageneverpull; warning events; replicas mismatch
inspect pod error: rollout stuck; failedmount; 启动不了; 启动失败; 拉取失败; 拉不下来; 启不来
inspect pod error: 跑不起来; 镜像拉取失败; unhappy; goes wrong; wrong with; what is wrong; 起不起来
inspect pod error: 咋了; 怎么了; mountvolume; failedattachvolume; failedcreatepodsandbox
inspect pod error: unauthorized; failed for volume; failedcreate; failedsync; networknotready; cni
inspect pod error: sandbox; setup failed; 镜像拉; 容器错误
inspect pod pending: failedscheduling; unscheduled; not scheduled; be scheduled; get scheduled
inspect pod pending: taint; insufficient; insufficient cpu; insufficient memory
inspect pod pending: nodes are available; toleration; without a node; no node; not placed
inspect pod pending: does not start; 没有节点; affinity; untolerated; waiting to be placed; unbound
inspect pod pending: persistentvolumeclaim; pvc; waiting for a node; taints; not ready phase
inspect pod pending: containercreating; container creating; podinitializing; unassigned
inspect pod pending: never starts; cannot be placed; stuck creating; 调度不上; 调度不上去; 调度不了
inspect pod pending: 调度失败; 资源不足; 排不上; 没调度; 没分配; 没分到; 分不到; 排队; 污点; 亲和性
inspect pod pending: 卡在创建; 一直等; 等着调度; 不调度; 没被调度; no gpu available
inspect pod pending: gpu not available; not enough; quota; preempted; preemption; not started; 不够
inspect pod pending: 没起来; 资源不够; 没有资源; 等资源; 没有空闲; 没卡; 卡不够
clear pod error: finished pods; crashed pods; leftover pods; stale pods; 失败的; 残留的; 垃圾 pod
clear pod error: evicted; evicted pods; completed pods; failed pods; dead pods; 被驱逐; corpses
clear pod error: broken pods; failed ones; completed ones; error pods; unhealthy pods; bad pods
clear pod error: dead ones; 异常 pod; 异常的 pod; 失败 pod; 已完成的; 已经完成; 僵尸 pod; 死掉的
clear pod error: completed 的; evicted 的
force delete pod: terminating; won t die; will not die; refuses to die; won t terminate; unkillable
force delete pod: grace period; finalizer; finalizers; 删不掉; 删除不了; 杀不掉; kill 9; sigkill
force delete pod: undead; does not go away; won t go away; refuses to go; does not disappear
force delete pod: hangs on deletion; stuck deleting; at once; nuke; immortal; --force; delete now
force delete pod: 还在; 删了半天; 强删; 一直删; 卡在删除; 卡在 terminating; 干不掉; 强行; 删除卡住
force delete pod: 硬删; ghost; ghost pod; deleting for; stuck in deletion; not gracefully
force delete pod: never finishes; never terminates; finishes terminating; 结束不了; 停不掉
force delete pod: 终止不了; 一直在删; 不等了
pod: replica; replicas; sidecar; workload; workloads; statefulsetet; 副本; po; pods; app; apps
pod: application; applications; microservice; microservices; 应用; 业务; 微服务; 容器组; deploy
pod: backend; checkout; worker pod; job pod; deployment; replicaset; sts; ds; rs; 前端服务; 程序跑
metric error 200: 5xx; non 200; not 200; error rate; success rate; 错误率; 成功率; promql
metric error 200: error ratio; http 500; status other than 200; bad responses; failing requests
metric error 200: failed requests; server errors; slo; error budget; 非 200; 状态码异常; 失败率
metric error 200: 请求失败; 不是 200; 返回码
host: box; boxes; bare metal; vm; 物理机; 虚拟机; computer; computers; 电脑; instance; instances
host: linux; ec2; ecs; ssh; hypervisor; 裸金属
list host: inventory; 资产; 机器清单; 主机清单; 主机列表; cmdb; fleet; our machines
list host: registered machines; managed hosts; 几台; how many servers; how many machines
list host: how many hosts; 几台机器; 多少台; 纳管; 几台主机; 有哪些机器; 几台服务器; 机器列表
list host: 服务器列表; 服务器清单; 哪些主机; do we own; we own; bare metal; physical servers
list host: metal servers; 物理机; 有哪些物理机; 裸机
node status: notready; not ready; unready; node down; nodes down; 未就绪; 不就绪; 失联
node status: node unreachable; node pressure; memory pressure; pid pressure; node conditions
node status: node health; node lost; unreachable node; node unknown; network unavailable; 节点挂了
node status: 节点异常; 节点不可用; 好不好; 掉了; 节点状态; 节点正常; 节点健康; 节点还好; 节点还活着
list node: kubectl get nodes; get nodes; node list; how many nodes; 几个节点; 多少节点; 节点列表
list node: 哪些节点; members of the cluster; control plane; 多少个节点; get no; of this cluster
list node: ready nodes; cluster size; 成员; 节点情况; 集群里有几台
cordon: stop scheduling; out of rotation; out of service; scheduling disabled; no new pods; fence
cordon: away from; keep away; no more pods; nothing new; 不要再; 不再调度; 不让调度; 隔离
cordon: schedulingdisabled; take out of rotation; do not schedule; unscheduable; noschedule
cordon: close the node; off limits; no new workloads; pause scheduling; disable scheduling
cordon: block scheduling; reserve the node; keep off; 停调度; 别再调度; 摘除; 不要往; 别往; 别再往
cordon: 先别往; 停止往; 不接新; 不接收; 暂停调度; 关闭调度; 禁掉调度; 设为不可调度; 标记不可调度
cordon: 摘掉; 别给; 拉黑; 不再接; 不放; do not let; no fresh; bar from; not accept; stop accepting
cordon: 别让; 不许; 不准; 先不要; 先停掉调度; 屏蔽; sideline; park; taint it; block for; 屏蔽掉
cordon: 停用
uncordon: back into rotation; back in rotation; back into service; back in service; put back
uncordon: readmit; take pods again; allow pods; accept pods; schedule again; after maintenance
uncordon: 恢复使用; unblock; reopen; open again; re enable; enable again; usable again; 重新接收
uncordon: 修好; 重新启用; unfence; rejoin; enable scheduling; allow scheduling; resume scheduling
uncordon: maintenance over; maintenance done; repaired; remove the cordon; undo cordon
uncordon: return to service; receive pods; workloads again; maintenance finished
uncordon: maintenance is over; maintenance is done; back to the pool; back in the pool; 放开调度
uncordon: 重新上线; 恢复上线; 重新调度; 恢复调度; 维护完; 维护结束; 维护好; 放开; 重新放; 可以放
uncordon: 取消隔离; 取消禁止; 解禁; 打开调度; 开启调度; 重新加入; 接着用; 可以用了; 解封; 重新接
uncordon: green light; give back; 放回; 放出来; 恢复正常; 加回; 加回来; 重新可用; 解除屏蔽
uncordon: 取消屏蔽; unquarantine; reinstate; 解除; 放行; 干活; 重新干活; 接活; 重新上岗; 上岗
uncordon: back to work; back at work; working again
drain: evict; before maintenance; move everything; move workloads; vacate; take everything off
drain: offload; hardware; off the node; clear a node; clear the node; free a node
drain: decommission a node; get pods off; kernel upgrade; 维护前; 清空节点; 迁走; 赶走
drain: ignore daemonsets; relocate; migrate; rebalance; kick out; move pods; move the pods
drain: pods elsewhere; somewhere else; to other nodes; safely remove; for patching; swap hardware
drain: swap disk; chase; push off; pods off; 腾走; 挪走; 挪到; 迁到; 腾出来; 腾空; 全赶; 搬走
drain: 要维护; 准备维护; 下线节点; 撵走; 都移走; 移到别的; 撤走; 要升级; 换内存; 换硬盘; 停机维护
drain: workloads to others; to other machines; shift load; push workloads; gracefully; 转到别的
drain: 转移到别的; 负载转; 疏散; 让出来
restart: reset; hard reset; power cycle; kick; start again; bring back; off and on; start fresh
restart: revive; recreate; 拉起; 重新拉起; 再启动; rollout restart; rollout; turn it off and on
restart: rebounce; jolt; refresh; 重开; 重来; 弄起来; 重新起; 重建; 重新拉; 踢一下; 重新跑; 拉起来
restart: 起一下; unresponsive; not responding; 卡死; 没反应; 抽风; 僵住; 不动了; 罢工
restart node: hung; hangs; frozen; froze; machine hung; 死机; 宕机; 假死; 没响应; locked up
restart node: kernel panic; ipmi; wedged; unresponsive machine; power off; reboot required
restart node: needs reboot; warm boot; 重启机器; 重启服务器
restart pod: rollout restart; 重启应用; 重启 pod; 重启容器; roll; rolling restart; roll out; 重启下
restart pod: 重启一下
kubelet: node agent; 节点代理; kubelet down; pleg; kubelet not posting
containerd: docker; dockerd; docker daemon; cri; crio; cri o; container engine; container runtime
containerd: 容器引擎; shim; runc; crictl; ctr; containerd shim; docker service; 容器运行时
gpu manager: device plugin; gpu plugin; vgpu; gpu cards; 显卡管理; 显卡插件; gpu allocation
gpu manager: gpu sharing; gpu virtualization; gpu allocator; gpu scheduler; 分卡; 显卡虚拟化
gpu manager: gpu 分配; 显卡分配; 管理组件
gpu: nvidia smi; xid; accelerator; graphics card; 卡掉了; 掉卡; cuda error; ecc; dcgm; a100; h100
gpu: 显存; video card; video cards; graphics cards; graphics; 英伟达; fallen off the bus
npu: huawei; accelerator; davinci; 华为; 910b; npu smi; cann; 昇腾; atlas; hccl; ai chip; 昇騰
fabricmanager: nvlink; nvswitch; nv fabric; fabric manager; fabric daemon; nvidia fabric; 高速互联
fabricmanager: 互联
collect log: diagnostics; support bundle; for the vendor; 厂商; bug report; diagnostic; sos
collect log: support case; support ticket; rma; troubleshooting data; upload the logs; to s3
collect log: bucket; 打包; 抓日志; 收日志; 抓一下; 收一下; 导出日志; 上传日志; 售后; 采一下; 取证
collect log: 给厂家; 厂家; for support; for nvidia; for huawei; 工单; 提单; 发给; 给原厂; 原厂
sync image: copy an image; mirror; another registry; registry; registries; 镜像仓库; 另一个仓库
sync image: skopeo; harbor; docker push; docker pull; other registry; private registry; offline
sync image: air gapped; airgap; copy image; move image; dockerhub; docker hub; ecr; gcr; quay
sync image: promote image; push image; 私有仓库; 搬到; 拷到; 同步到; 推到; 私服; 内网仓库; 仓库
sync image: 导到; 搬镜像; 搬运; dr registry; replicate; across registries; between registries
sync image: air gap; 灾备; 两个仓库; 内网; 公网镜像
retag image: rename; tag; tags; image tag; 改名; 打标签; 标签; 改个标签; docker tag; different name
retag image: new tag; another name; 换个名字; 换标签; 换个 tag; 改 tag; 打 tag; 换个标签; 重新打
retag image: 重命名; 标记
preload image: warm up; beforehand; image cache; 提前拉取; 预先拉取; crictl pull; ahead of time
preload image: in advance; pre pull; pre load; prepull; slow image pull; pulled already; cold start
preload image: before the rollout; image to every node; image onto all nodes; before deployment
preload image: before release; 提前拉; 拉好; 先拉; 预拉; 提前下载; 提前下; 预热镜像; 先把镜像
preload image: 缓存镜像; 发版前; 提前把镜像; 镜像预热; cold pull; cold pulls; scale out; 扩容时
preload image: 拉镜像太慢; 提前准备; 提前备好
preload dataset: data cache; warm the data; training data; 数据缓存; fluid; alluxio; juicefs
preload dataset: 训练数据; 预热; load data; dataload; warm cache; cache the data; prefetch data
preload dataset: into cache; training set; 训练集; 加载数据; 数据预热; 提前加载; 缓存数据
preload dataset: 加载到缓存; 热数据; 灌数据; 语料; 数据加载; close to the gpus; near the gpus
preload dataset: imagenet; before the job; before training; 开训前; 训练前; 开始训练; preheat
preload dataset: alluxio preload; alluxio load; 预读
dataset status: how far; progress; 加载到哪; 进度; 加载完; 加载好; cached yet; percent loaded
dataset status: 好了没; cached percentage; fully cached; still loading; data ready; 缓存了多少
dataset status: 加载多少; 数据好了; completely cached; completely loaded; warmed up; done loading
dataset status: 完成了吗; 缓存好; 预热好; 预热完; cache percentage; alluxio cache; 缓存进度; 缓存率
create namespace: tenant; tenant space; 新租户; 租户; new project; new team; new environment
create namespace: sandbox; 新项目; kubectl create ns; create ns; 开个; 建个; 给新; 弄个新; 开一个
create namespace: 建一个; 新开; 新环境; kubectl create namespace; carve out; isolated space
create namespace: 新建空间; 开空间; 隔离空间
namespace: project; projects; 项目; kubectl get ns
delete host: decommission; decommissioned; retire; retired; unregister; 下线; 报废; 退役
delete host: deregister; scrapped; forget a server; forget the server; forget this machine
delete host: gone for good; no longer exists; drop a host; gone machine; returned to the vendor
delete host: written off; 不要了; 移出; 踢出; 从列表; 除名; 退租; 机器删; 摘机; decom; 下架; 报销
delete host: 淘汰
cluster: environment; environments; contexts; kubeconfig; get contexts; federation; 机房
list pipeline: automation; automations; playbook; playbooks; workflow; workflows; recipes; 自动化
list pipeline: runbooks; what can you do; what can i run; capabilities; available actions; 能做什么
list pipeline: 会做什么; procedures; catalog; catalogue; 支持哪些; 有什么功能; 哪些操作; 剧本
list pipeline: 作业流; you do; you can do; do for me; help me with; available tools; what tools
list pipeline: 能干; 会干; 可以做; 你会; 能帮; supported; abilities; possibilities; 你可以
list pipeline: 有哪些能力; 哪些工具; 现成的
list pod node: placed on; living on; hosted on; hosted by; 在哪些节点; sits on; sit on; lives on
list pod node: live on; running on; runs on; run on; scheduled on; 跑了哪些; 跑着哪些; 在跑什么
list pod node: spec nodename; 都有什么 pod; pods on; pods of a node; pods per node; on this node
list pod node: on that node; on node; affected if; blast radius; 上面跑; 上跑了; 上有哪些; 上的 pod
list pod node: 跑了啥; 跑着什么; 节点上; 跑了多少; 跑着啥; 上跑着; 机器上的 pod; o wide; tenants of
list pod node: guests; occupants; residents; who lives; 住着; 住了; 谁在上面; 上面都有; 影响哪些
list pod node: 受影响; who is affected; affected by; affected; lands on; landed on; residing
list pod: kubectl get; kubectl get pods; get pods; what is running; everything running; 在跑的
list pod: get po; pod list; how many pods; what pods; all pods; pods; broken right now
list pod: what is broken; 几个 pod; 哪些 pod; not working; unhealthy; 多少 pod; 哪些应用; 什么在跑
list pod: 哪些容器; 哪些服务挂; 全部容器; 哪些异常; anything crashing; anything broken
list pod: anything failing; any crashes; 有没有崩溃; 崩溃的容器; 有没有异常; 有没有挂; in trouble
list pod: red; not green; what fails; which fail
kas job: kas; kas task; kas tasks; kas 任务; 训练任务
echo: hello; hello world; say something; repeat after me; print a message; ping pong; 回声; 回显
echo: 打个招呼; 复读
list dataset: train on; available data; what data; kubectl get dataset; 有哪些数据; 数据列表
list dataset: 哪些数据集
inspect svc error: k8s service; kubernetes service; service errors; service endpoints
inspect svc error: endpoints empty; no endpoints; svc; 服务报错; 服务异常
clear mount: detach; stale mount; stale nfs; dead mount; old mounts; hanging mount; hung mount
clear mount: 挂载清; 卸掉; 挂载残; 失效的挂载; littered; orphan mounts; orphans; mount table
clear mount: 孤儿挂载; 挂载点清
delete pod log: according to its log; by log; based on logs; 根据日志; 按日志; 日志里有; 看日志决定
get metric error 200: errors chart; error chart; graph; http errors; error percentage; 错误图; 监控
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


def is_said(words: Sequence[str]) -> bool:
    """Whether these words are an expression."""
    return bool(_meant(words))


def _at(words: Sequence[str], start: int) -> Expression | None:
    for end in range(min(start + _MOST_WORDS, len(words)), start, -1):
        ideas = _meant(words[start:end])
        if ideas:
            return Expression(ideas, start, end)
    return None


def _meant(words: Sequence[str]) -> tuple[str, ...]:
    exact, stemmed = _joined()
    roots = [stem(word) for word in words]
    found = exact.get("".join(words)) or stemmed.get("".join(roots))
    if not found and len(words) == 3:
        found = stemmed.get(f"{roots[0]}*{roots[2]}")
    return found or ()


@cache
def expressions() -> Mapping[str, tuple[str, ...]]:
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
def single_words() -> frozenset[str]:
    """The stems of the expressions of one English word."""
    return frozenset(stem(said) for said in expressions() if said.isascii() and said.isalpha())


@cache
def _joined() -> tuple[Mapping[str, tuple[str, ...]], Mapping[str, tuple[str, ...]]]:
    """The expressions written as one word: as they are, and by their stems."""
    exact = {said.replace(" ", ""): ideas for said, ideas in expressions().items()}
    stemmed: dict[str, tuple[str, ...]] = {}
    for said, ideas in expressions().items():
        key = "".join(map(stem, said.split()))
        stemmed[key] = tuple(dict.fromkeys((*stemmed.get(key, ()), *ideas)))
    return exact, stemmed


@cache
def _chinese() -> re.Pattern[str]:
    words = [word for word in expressions() if not word.isascii() and " " not in word]
    return re.compile("|".join(sorted(map(re.escape, words), key=len, reverse=True)))
