"""Logs of many formats with their truth: which kinds of trouble are in each. The same every time.

A template has places such as `{ip}`, which are filled anew for each line; what stands between them
is what a reader has to see. `!` marks what is trouble: by its level, or by a word of failure.
"""

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

__all__ = ["FORMATS", "Kind", "MadeLog", "fill", "made_log", "templates"]

_START = datetime(2026, 11, 30, 2, tzinfo=UTC)
_COUNTS = (1, 1, 1, 2, 2, 3, 5, 12, 12, 40, 150, 400)
_PLACE = re.compile(r"\{(\w+)\}")
_WORD = re.compile(r"[A-Za-z_]{2,}|[\u4e00-\u9fff]+")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of trouble: its words, how many lines it has."""

    words: tuple[str, ...]
    count: int

    def is_in(self, shown: Sequence[str]) -> bool:
        """Whether one of the lines has all of its words."""
        return any(all(word in line for word in self.words) for line in shown)


@dataclass(frozen=True, slots=True)
class MadeLog:
    """The text of a log, and the kinds of trouble in it."""

    text: str
    trouble: Sequence[Kind]

    def missed(self, shown: str) -> list[Kind]:
        """The kinds of trouble that what is shown of the log does not have."""
        lines = shown.split("\n")
        return [kind for kind in self.trouble if not kind.is_in(lines)]


@dataclass(frozen=True, slots=True)
class Format:
    """How a line is written, and what is said: one template a line, `LEVEL template`."""

    write: Callable[[random.Random, datetime, str, str], str]
    said: str


def fill(template: str, chance: random.Random) -> str:
    """The template with something in each of its places."""
    return _PLACE.sub(lambda found: _VALUES[found[1]](chance), template)


def _some(*values: str) -> Callable[[random.Random], str]:
    return lambda chance: chance.choice(values)


def _number(most: int) -> Callable[[random.Random], str]:
    return lambda chance: str(chance.randrange(most))


def _name(chance: random.Random) -> str:
    return "".join(chance.choices("abdeghiklmnoprstu", k=chance.randrange(4, 9)))


_VALUES: Mapping[str, Callable[[random.Random], str]] = {
    "n": _number(10_000),
    "few": _number(9),
    "pid": lambda chance: str(chance.randrange(300, 33_000)),
    "port": lambda chance: str(chance.randrange(1_024, 65_000)),
    "ip": lambda chance: (
        f"10.{chance.randrange(4)}.{chance.randrange(256)}.{chance.randrange(256)}"
    ),
    "hex": lambda chance: f"{chance.getrandbits(64):016x}",
    "uuid": lambda chance: f"{chance.getrandbits(32):08x}-{chance.getrandbits(16):04x}-4{'a' * 3}",
    "user": _name,
    "host": lambda chance: f"{chance.choice(('web', 'db', 'cache'))}-{chance.randrange(40)}.prod",
    "pod": lambda chance: f"shop/cart-{chance.getrandbits(36):09x}-{_name(chance)[:5]}",
    "path": lambda chance: f"/srv/{_name(chance)}/{_name(chance)}.dat",
    "url": lambda chance: f"/api/v1/{_name(chance)}/{chance.randrange(10_000)}",
    "unit": lambda chance: f"{_name(chance)}.service",
    "agent": _some("curl/8.5.0", "Mozilla/5.0 (X11; Linux x86_64)", "kube-probe/1.31"),
}

_COMMON = """
! ERROR connection to {host}:{port} refused after {few} attempts
! ERROR no space left on device while writing {path}
! ERROR token of user {user} has expired
! WARN queue depth {n} is above the high water mark
! WARN retrying request {hex} to {host} in {n} ms
! ERROR checksum of segment {n} does not match
! WARN certificate of {host} expires in {few} days
! ERROR deadline of {n} ms exceeded while calling inventory
! INFO user {user} could not be found in directory
! ERROR too many open files: accept on port {port}
! WARN slow query took {n} ms: orders by customer {n}
! ERROR leader lost: lease {hex} taken by {host}
! ERROR migration {n} rolled back because column price is missing
! WARN clock is {n} ms behind {host}
! ERROR payment {uuid} rejected by provider
INFO request {hex} served in {n} ms
INFO user {user} logged in from {ip}
INFO cache holds {n} entries
INFO job {uuid} queued for {host}
INFO heartbeat {n} sent
INFO page {url} rendered
DEBUG pool has {few} idle connections
"""

_HOST = """
! ERROR systemd[1]: {unit}: Main process exited, code=exited, status=1/FAILURE
! ERROR systemd[1]: {unit}: Start request repeated too quickly, failed.
! ERROR systemd[1]: Failed to start {unit} - orders of the shop.
! ERROR kernel: Out of memory: Killed process {pid} (java) total-vm:{n}kB
! ERROR sshd[{pid}]: Failed password for {user} from {ip} port {port} ssh2
! ERROR sshd[{pid}]: Invalid user {user} from {ip} port {port}
! ERROR kubelet[{pid}]: Unable to read config path {path}
! WARN systemd-resolved[{pid}]: Server returned error NXDOMAIN, mitigating potential violation
! WARN chronyd[{pid}]: Can't synchronise: no selectable sources
! ERROR dockerd[{pid}]: Handler for POST /containers returned error: pull access denied
! ERROR CRON[{pid}]: (root) CMD failed with code {few}
! ERROR sudo[{pid}]: pam_unix(sudo:auth): authentication failure; logname={user} uid={n}
INFO systemd[1]: Started {unit} - one of the daemons.
INFO systemd[1]: Starting {unit} - one of the daemons...
INFO sshd[{pid}]: Accepted publickey for {user} from {ip} port {port} ssh2
INFO CRON[{pid}]: (root) CMD (run-parts {path})
INFO systemd-logind[{pid}]: New session {n} of user {user}.
INFO dhclient[{pid}]: bound to {ip} -- renewal in {n} seconds.
"""

_DMESG = """
! ERROR EXT4-fs error (device sda{few}): ext4_lookup:{n}: inode #{n}: comm java: deleted inode
! ERROR blk_update_request: I/O error, dev sdb, sector {n}
! ERROR oom-kill:constraint=CONSTRAINT_MEMCG,task=java,pid={pid},uid={n}
! ERROR Out of memory: Killed process {pid} (mysqld) total-vm:{n}kB, anon-rss:{n}kB
! WARN nf_conntrack: table full, dropping packet
! WARN TCP: request_sock_TCP: Possible SYN flooding on port {port}. Sending cookies, warn once.
! ERROR ata{few}.00: failed command: READ FPDMA QUEUED
! ERROR INFO: task jbd2/sda1:{pid} blocked for more than {n} seconds.
! ERROR nfs: server {host} not responding, timed out
! WARN CPU{few}: Core temperature above threshold, cpu clock throttled
! ERROR segfault at {hex} ip {hex} sp {hex} error {few} in libc.so
! ERROR EDAC MC0: {few} CE memory read error on CPU_SrcID#0
INFO eth0: renamed from veth{hex}
INFO br-{hex}: port {few}(veth{hex}) entered forwarding state
INFO audit: type={n} audit({n}): apparmor STATUS operation profile_load
INFO usb 1-{few}: new high-speed USB device number {few} using xhci_hcd
INFO IPv6: ADDRCONF(NETDEV_CHANGE): veth{hex}: link becomes ready
"""


def _from_program(said: str, program: str) -> str:
    """The templates, each with the name of its program before what it says."""
    return re.sub(r"^(!? ?[A-Z]+ )", rf"\1{program}: ", said.strip(), flags=re.MULTILINE)


_KERNEL, _ORDERS = _from_program(_DMESG, "kernel"), _from_program(_COMMON, "orders[{pid}]")


def _stamp(at: datetime, form: str = "%Y-%m-%d %H:%M:%S", sign: str = ".") -> str:
    return f"{at.strftime(form)}{sign}{at.microsecond // 1000:03}"


def _json(chance: random.Random, at: datetime, level: str, said: str) -> str:
    fields = {"ts": at.isoformat(), "level": level.lower(), "logger": "shop.orders", "msg": said}
    return json.dumps({**fields, "trace_id": fill("{hex}", chance)})


def _logfmt(chance: random.Random, at: datetime, level: str, said: str) -> str:
    caller = fill("caller=server.go:{n}", chance)
    return f'time={at.isoformat()} level={level.lower()} {caller} msg="{said}" component=api'


def _rfc3164(chance: random.Random, at: datetime, level: str, said: str) -> str:
    return fill(f"{at:%b %d %H:%M:%S} mail-2 orders[{{pid}}]: ", chance) + said


def _rfc5424(chance: random.Random, at: datetime, level: str, said: str) -> str:
    severity = {"ERROR": 3, "WARN": 4, "INFO": 6, "DEBUG": 7}[level]
    return fill(f"<{8 + severity}>1 {at.isoformat()} web-3 orders {{pid}} - - ", chance) + said


def _klog(chance: random.Random, at: datetime, level: str, said: str) -> str:
    head = f"{level[0]}{at:%m%d %H:%M:%S.%f}       1 "
    return fill(head, chance) + f"{_SOURCES[len(said) % len(_SOURCES)]}] {said}"


_SOURCES = ("reconciler.go:221", "reflector.go:561", "event.go:377", "controller.go:146")


def _java(chance: random.Random, at: datetime, level: str, said: str) -> str:
    head = fill(f"{_stamp(at, sign=',')} {level:5} [http-nio-8080-exec-{{few}}] ", chance)
    line = f"{head}c.e.shop.OrderService - {said}"
    if level != "ERROR" or chance.random() < 0.5:
        return line
    frames = [f"\tat com.example.shop.Step{n}.run(Step{n}.java:{n})" for n in range(3)]
    library = [f"\tat org.springframework.aop.Proxy.invoke(Proxy.java:{n})" for n in range(12)]
    return "\n".join([line, "java.lang.IllegalStateException: not in step", *frames, *library])


def _python(chance: random.Random, at: datetime, level: str, said: str) -> str:
    line = f"{_stamp(at, sign=',')} {level} shop.worker: {said}"
    if level != "ERROR" or chance.random() < 0.5:
        return line
    trace = ["Traceback (most recent call last):", '  File "/srv/shop/worker.py", line 31, in work']
    return "\n".join([line, *trace, "    pay(order)", "RuntimeError: the step ended early"])


def _access(chance: random.Random, at: datetime, level: str, said: str) -> str:
    head = fill(f"{{ip}} - - [{at:%d/%b/%Y:%H:%M:%S +0000}] ", chance)
    return head + fill(f'{said} {{n}} "-" "{{agent}}"', chance)


def _nginx(chance: random.Random, at: datetime, level: str, said: str) -> str:
    head = f"{at:%Y/%m/%d %H:%M:%S} [{level.lower()}] {{pid}}#{{pid}}: *{{n}} "
    tail = ', client: {ip}, server: shop.example, request: "GET {url} HTTP/1.1", host: "shop"'
    return fill(head, chance) + said + fill(tail, chance)


def _windows(chance: random.Random, at: datetime, level: str, said: str) -> str:
    named = {"ERROR": "Error", "WARN": "Warning"}.get(level, "Info")
    return f"{at:%Y-%m-%d %H:%M:%S}, {named:22}CBS    {said}"


def _postgres(chance: random.Random, at: datetime, level: str, said: str) -> str:
    return fill(f"{_stamp(at)} UTC [{{pid}}] app@orders {level}:  ", chance) + said


def _journal(chance: random.Random, at: datetime, level: str, said: str) -> str:
    return fill(f"{at:%b %d %H:%M:%S} node-7 ", chance) + said


def _haproxy(chance: random.Random, at: datetime, level: str, said: str) -> str:
    return f"{at:%b %d %H:%M:%S} lb-1 haproxy[812]: {said}"


def _kernel(chance: random.Random, at: datetime, level: str, said: str) -> str:
    return f"[{(at - _START).total_seconds() + 5_000:12.6f}] {said}"


def _mysql(chance: random.Random, at: datetime, level: str, said: str) -> str:
    return f"{at.isoformat()[:26]}Z {chance.randrange(90)} [{level}] [Server] {said}"


def _redis(chance: random.Random, at: datetime, level: str, said: str) -> str:
    return f"812:M {_stamp(at, '%d %b %Y %H:%M:%S')} {'#' if level == 'WARN' else '*'} {said}"


def _kafka(chance: random.Random, at: datetime, level: str, said: str) -> str:
    return f"[{_stamp(at, sign=',')}] {level} {said} (kafka.server.ReplicaManager)"


def _zap(chance: random.Random, at: datetime, level: str, said: str) -> str:
    fields = fill(
        '{{"request": "{uuid}", "pod": "{pod}"}}'.replace("{{", "{").replace("}}", "}"), chance
    )
    return f"{at.isoformat()[:23]}Z\t{level}\tcontrollers/order.go:88\t{said}\t{fields}"


def _compose(chance: random.Random, at: datetime, level: str, said: str) -> str:
    service = chance.choice(("api-1    ", "worker-1 ", "worker-2 "))
    return f"{service} | {at.isoformat()[:19]}Z [{level}] {said}"


def _plain(chance: random.Random, at: datetime, level: str, said: str) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} [{level}] {said}"


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "JSON": Format(_json, _COMMON),
        "logfmt": Format(_logfmt, _COMMON),
        "syslog": Format(_rfc3164, _COMMON),
        "syslog with priorities": Format(_rfc5424, _COMMON),
        "Java": Format(_java, _COMMON),
        "Python": Format(_python, _COMMON),
        "containers": Format(_compose, _COMMON),
        "zap": Format(_zap, _COMMON),
        "klog": Format(
            _klog,
            """
! ERROR "Error syncing pod, skipping" err="failed to StartContainer: ImagePullBackOff" pod="{pod}"
! ERROR "MountVolume.SetUp failed for volume" err="secret not found" pod="{pod}"
! WARN "Failed to update lease, will retry" lease="{hex}" interval="{few}s"
! WARN watch of *v1.Pod ended with: too old resource version: {n} ({n})
! ERROR "Container runtime network not ready" networkReady="cni plugin not initialized"
! INFO "Readiness probe failed" pod="{pod}" output="HTTP probe failed with statuscode: 503"
! WARN eviction manager: attempting to reclaim ephemeral-storage
! ERROR "Unable to authenticate the request" err="x509: certificate has expired" ip="{ip}"
! ERROR node "{host}" has no PodCIDR assigned
! WARN "Observed a panic in handler" handler="{hex}"
INFO "SyncLoop ADD" source="api" pods=["{pod}"]
INFO "SyncLoop (PLEG): event for pod" pod="{pod}" event={n}
INFO successfully acquired lease kube-system/scheduler-{few}
INFO "Attempting to bind pod to node" pod="{pod}" node="{host}"
""",
        ),
        "web server, access": Format(
            _access,
            """
! ERROR "GET {url} HTTP/1.1" 502
! ERROR "POST {url} HTTP/1.1" 503
! ERROR "GET {url} HTTP/1.1" 504
! WARN "GET {url} HTTP/1.1" 404
! WARN "POST {url} HTTP/1.1" 429
! WARN "DELETE {url} HTTP/1.1" 403
INFO "GET {url} HTTP/1.1" 200
INFO "POST {url} HTTP/1.1" 201
INFO "GET {url} HTTP/1.1" 304
INFO "PUT {url} HTTP/1.1" 204
""",
        ),
        "web server, errors": Format(
            _nginx,
            """
! ERROR connect() failed (111: Connection refused) while connecting to upstream
! ERROR upstream timed out (110: Connection timed out) while reading response header
! ERROR open() "{path}" failed (13: Permission denied)
! ERROR SSL_do_handshake() failed (SSL: error:0A000416:certificate expired)
! WARN an upstream response is buffered to a temporary file {path}
! CRIT pwrite() "{path}" failed (28: No space left on device)
! ALERT worker process {pid} exited on signal 11
! ERROR no live upstreams while connecting to upstream
! EMERG bind() to 0.0.0.0:{port} failed (98: Address already in use)
! ERROR limiting requests, excess: {n} by zone "api"
! ERROR client intended to send too large body: {n} bytes
INFO client {ip} closed keepalive connection
NOTICE signal process started
INFO epoll_wait() reported that client prematurely closed its side
""",
        ),
        "Windows": Format(
            _windows,
            """
! ERROR Failed to resolve package 'Package_{n}_for_KB{n}' [HRESULT = 0x800f0805]
! WARN Unrecognized packageExtended attribute.
! ERROR The Print Spooler service terminated unexpectedly. It has done this {few} times.
! INFO Failed to get next element [HRESULT = 0x800f080d]
! WARN Expecting attribute name [HRESULT = 0x800f080d]
! ERROR Logon failure for account {user}: unknown user name or bad password
! ERROR The disk {few} has a bad block.
! WARN Time service has not synchronized for {n} seconds
! ERROR Kerberos ticket request for {host} was denied
INFO Session: {n}_{n} initialized by client WindowsUpdateAgent.
INFO Read out cached package applicability for package: Package_{n}, state {n}
INFO Loaded Servicing Stack v6.1.7601.{n}
INFO SQM: Reporting selectable update change for package: Package_{n}
""",
        ),
        "PostgreSQL": Format(
            _postgres,
            """
! ERROR deadlock detected
! ERROR duplicate key value violates unique constraint "orders_{user}_key"
! FATAL remaining connection slots are reserved for roles with the SUPERUSER attribute
! FATAL password authentication failed for user "{user}"
! ERROR canceling statement due to statement timeout
! PANIC could not write to file "pg_wal/xlogtemp.{n}": No space left on device
! WARNING there is no transaction in progress
! ERROR relation "{user}" does not exist at character {n}
! LOG could not receive data from client: Connection reset by peer
! ERROR invalid page in block {n} of relation base/{n}/{n}
! FATAL terminating connection due to administrator command
! LOG archive command failed with exit code 1
LOG checkpoint starting: time
LOG checkpoint complete: wrote {n} buffers; sync={few} s
LOG connection authorized: user={user} database=orders
LOG duration: {n} ms  statement: SELECT {n}
LOG automatic vacuum of table "orders.public.{user}": pages: {n} removed
""",
        ),
        "journal": Format(_journal, _HOST),
        "HAProxy": Format(
            _haproxy,
            """
! ERROR Server shop/web{few} is DOWN, reason: Layer4 timeout, check duration: {n}ms
! ERROR backend shop has no server available!
! WARN Health check for server shop/web{few} failed, reason: Layer7 wrong status
! WARN Connect from {ip}:{port} to {ip}:443: SSL handshake failure
! ERROR Proxy shop reached process FD limit (maxsock={n})
! ERROR {ip}:{port} front shop/<NOSRV> 0/-1/-1/-1/{n} status: 503 {n} - - SC--
INFO {ip}:{port} front shop/web{few} {few}/0/{few}/{n}/{n} status: 200 {n} - - ----
INFO Connect from {ip}:{port} to {ip}:443 (front/HTTP)
INFO Server shop/web{few} is UP, reason: Layer7 check passed, check duration: {n}ms
""",
        ),
        "kernel": Format(_kernel, _DMESG),
        "MySQL": Format(
            _mysql,
            """
! ERROR Aborted connection {n} to db: 'orders' user: '{user}' host: '{ip}'
! ERROR Disk is full writing '{path}' (OS errno 28)
! WARNING IP address '{ip}' could not be resolved: Name or service not known
! ERROR Slave SQL for channel '': Could not execute Update_rows event on table orders.{user}
! ERROR InnoDB: Cannot allocate memory for the buffer pool
! WARNING Host name '{host}' lookup mismatch
! ERROR Table './orders/{user}' is marked as crashed and should be repaired
! ERROR Lock wait timeout exceeded; try restarting transaction {n}
! ERROR Can't start server: Bind on TCP/IP port {port}: Address already in use
NOTE Start binlog_dump to source_thread_id({n}) replica_server({n})
NOTE Access granted to user '{user}'@'{ip}'
NOTE InnoDB: Buffer pool(s) load completed at {n}
""",
        ),
        "Redis": Format(
            _redis,
            """
! WARN Can't save in background: fork: Cannot allocate memory
! WARN Error condition on socket for SYNC: Connection refused {n}
! WARN MASTER aborted replication with an error: NOAUTH Authentication required.
! WARN Write error writing append only file on disk: No space left on device {n}
! WARN Timeout connecting to the MASTER {ip}:{port}
! WARN Failed opening the RDB file {path} for saving: Permission denied
INFO {n} changes in {few} seconds. Saving...
INFO Background saving started by pid {pid}
INFO DB saved on disk in {n} ms
INFO Replica {ip}:{port} asks for synchronization
INFO Fork CoW for RDB: current {n} MB
""",
        ),
        "Kafka": Format(
            _kafka,
            """
! WARN [ReplicaFetcher replicaId={few}, fetcherId=0] Error in response for fetch request to {host}
! ERROR [ReplicaManager broker={few}] Error processing append operation on partition orders-{n}
! WARN [Partition orders-{n} broker={few}] Shrinking ISR from {few},{few} to {few}
! ERROR Error while flushing log for orders-{n} in dir {path} with offset {n}
! WARN [GroupCoordinator {few}]: Member consumer-{n}-{uuid} in group shop has left, lag {n}
! ERROR [KafkaServer id={few}] Fatal error during broker startup
! WARN Session {hex} for server {host}, closing socket, session expired
! INFO [Controller id={few}] Offline partitions for topic orders: {n}, unreachable
INFO [GroupCoordinator {few}]: Stabilized group shop generation {n}
INFO [Log partition=orders-{n}] Rolled new log segment at offset {n} in {few} ms
INFO [ProducerStateManager partition=orders-{n}] Wrote producer snapshot at offset {n}
""",
        ),
        "Chinese": Format(
            _plain,
            """
! ERROR 订单 {n} 支付失败:余额不足
! ERROR 数据库连接超时,主机 {host} 端口 {port}
! INFO 文件 {path} 不存在
! WARN 磁盘使用率已达 {few}%,即将写满
! ERROR 用户 {user} 登录被拒绝
! ERROR 消息队列异常,已丢弃 {n} 条消息
! INFO 无法解析域名 {host}
! ERROR 证书已过期,服务 {user} 停止响应
! WARN 主从复制延迟 {n} 毫秒
INFO 订单 {n} 已创建,金额 {n} 元
INFO 用户 {user} 从 {ip} 登录
INFO 定时任务 {n} 执行完成,耗时 {n} 毫秒
INFO 缓存刷新,共 {n} 项
INFO 健康检查正常
""",
        ),
        "a whole host": Format(_journal, _HOST + _KERNEL + "\n" + _ORDERS),
        "bare lines": Format(
            lambda chance, at, level, said: said,
            """
! ERROR rsync: read errors mapping "{path}": Input/output error (5)
! ERROR tar: {path}: Cannot open: Permission denied
! ERROR E: Failed to fetch http://deb.example/pool/{user}_{n}.deb  404  Not Found
! ERROR npm ERR! code ELIFECYCLE
! ERROR make: *** [Makefile:{n}: build] Error 2
! WARN warning: {path}: unused variable
! ERROR fatal: unable to access the repository: Could not resolve host: {host}
! ERROR curl: (28) Operation timed out after {n} milliseconds
! ERROR {path}:{n}:{few}: error: expected declaration before token
INFO copied {path} ({n} bytes)
INFO Get:{n} http://deb.example stable/main {user} [{n} kB]
INFO Unpacking {user} ({few}.{few}.{n}) ...
INFO Setting up {user} ({few}.{few}.{n}) ...
INFO [{n}/{n}] CC {path}
""",
        ),
    }
)


def _kinds(said: str) -> Iterator[tuple[bool, str, str]]:
    for line in filter(None, said.split("\n")):
        level, _, template = line.removeprefix("! ").partition(" ")
        yield line.startswith("! "), level, template


def templates(name: str, *, trouble: bool) -> list[tuple[str, str]]:
    """What is said in a format, with its levels."""
    return [(level, said) for bad, level, said in _kinds(FORMATS[name].said) if bad is trouble]


def made_log(name: str, lines: int = 4_000, seed: int = 1) -> MadeLog:
    """About so many entries of the format, each kind of trouble once to 400 times among them."""
    chance, form = random.Random(f"{name} {seed}"), FORMATS[name]
    bad, calm = templates(name, trouble=True), templates(name, trouble=False)
    counts = [chance.choice(_COUNTS) for _ in bad]
    chosen = [kind for kind, count in zip(bad, counts, strict=True) for _ in range(count)]
    chosen += chance.choices(calm, k=max(0, lines - len(chosen)))
    chance.shuffle(chosen)
    at, text = _START, list[str]()
    for level, said in chosen:
        at += timedelta(milliseconds=chance.randrange(1, 4_000))
        text.append(form.write(chance, at, level, fill(said, chance)))
    truth = (_words(said) for _, said in bad)
    return MadeLog("\n".join(text), [Kind(*it) for it in zip(truth, counts, strict=True)])


def _words(template: str) -> tuple[str, ...]:
    """What stays the same; of a web server's answer its status."""
    status = re.findall(r"\" ([45]\d\d)$", template)
    return tuple(status) or tuple(_WORD.findall(_PLACE.sub(" ", template)))
