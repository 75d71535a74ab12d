"""Fifteen incidents in logs of 5,000 lines: each has one line that tells the cause.

Before the cause are everyday lines, with every kind of trouble that such a log has on a good day,
and calm lines that come once only; after it come the symptoms, which are many and loud.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from tests.tools.condense.formats import FORMATS, fill, templates

__all__ = ["INCIDENTS", "Incident", "log_of"]

_LINES = 5_000
_START = datetime(2026, 11, 30, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Incident:
    """`form` is how the log is written; a symptom is `TIMES LEVEL template`, a cause `LEVEL text`.

    `before` are lines that come right before the cause, each once: a start of a program. After the
    cause nothing is written for `gap_seconds`.
    """

    form: str
    cause: str
    symptoms: Sequence[str]
    before: Sequence[str] = ()
    after: Sequence[str] = ()
    gap_seconds: int = 0
    at: float = 0.6

    @property
    def message(self) -> str:
        """The words that tell the cause."""
        return self.cause.partition(" ")[2]


def log_of(name: str) -> str:
    """The log of an incident."""
    incident, chance = INCIDENTS[name], random.Random(name)
    calm = templates(incident.form, trouble=False)
    noise = [*templates(incident.form, trouble=True) * 2, *map(_parts, _BOOT)]
    quiet = int(_LINES * incident.at)
    everyday = [*chance.choices(calm, k=quiet - len(noise)), *noise]
    chance.shuffle(everyday)
    told = [_parts(it) for it in (*incident.before, incident.cause, *incident.after)]
    symptoms = _symptoms(incident, chance)
    rest = [*symptoms, *chance.choices(calm, k=_LINES - quiet - len(symptoms))]
    chance.shuffle(rest)
    write, at, lines = FORMATS[incident.form].write, _START, list[str]()
    for number, (level, said) in enumerate([*everyday, *told, *rest]):
        at += timedelta(milliseconds=chance.randrange(1, 1_500))
        at += timedelta(seconds=incident.gap_seconds * (number == quiet + len(told)))
        lines.append(write(chance, at, level, fill(said, chance)))
    return "\n".join(lines)


def _parts(line: str) -> tuple[str, str]:
    level, _, said = line.partition(" ")
    return level, said


def _symptoms(incident: Incident, chance: random.Random) -> list[tuple[str, str]]:
    found = list[tuple[str, str]]()
    for symptom in incident.symptoms:
        times, _, line = symptom.partition(" ")
        found += [_parts(line)] * int(times)
    chance.shuffle(found)
    return found


_BOOT = tuple(
    f"INFO {said}"
    for said in (
        "starting shop 4.18.2 with profile production",
        "using time zone UTC",
        "found 14 plugins on the class path",
        "plugin metrics activated",
        "plugin audit activated",
        "plugin search activated",
        "scheduler has 8 workers",
        "HTTP listens on 0.0.0.0:8080",
        "gRPC listens on 0.0.0.0:9090",
        "health endpoint mounted at /healthz",
        "cache warmed with 1200 entries",
        "template engine ready",
        "mail transport ready",
        "feature flags read from the database",
        "rate limiter uses token buckets",
        "session store is redis",
        "tracing exporter is otlp",
        "liquibase found nothing to do",
        "thread pool orders has 16 threads",
        "thread pool mails has 4 threads",
    )
)

INCIDENTS: Mapping[str, Incident] = MappingProxyType(
    {
        "disk full": Incident(
            "PostgreSQL",
            'ERROR could not extend file "base/16384/2619": No space left on device',
            [
                "300 FATAL the database system is in recovery mode",
                "200 FATAL the database system is not yet accepting connections",
                "90 WARNING terminating connection because of crash of another server process",
            ],
        ),
        "out of memory": Incident(
            "journal",
            "ERROR kernel: Out of memory: Killed process 4242 (orders) total-vm:8123456kB",
            [
                "40 ERROR systemd[1]: orders.service: Main process exited, status=9/KILL",
                "40 INFO systemd[1]: orders.service: Scheduled restart, counter is at {n}.",
                "400 ERROR nginx[{pid}]: upstream prematurely closed connection, client: {ip}",
            ],
        ),
        "certificate expired": Incident(
            "web server, errors",
            "ERROR SSL_do_handshake() failed (SSL: certificate verify failed: certificate has "
            "expired:/C=DE/CN=payments.example)",
            [
                "700 ERROR upstream server temporarily disabled while SSL handshaking to upstream",
                "500 ERROR no live upstreams while connecting to upstream",
            ],
        ),
        "pool exhausted": Incident(
            "Java",
            "ERROR HikariPool-1 - Connection is not available, request timed out after 30000ms "
            "(total=10, active=10, idle=0, waiting=57)",
            [
                "300 ERROR GET {url} failed: 500",
                "300 WARN circuit breaker orders is open for {n} ms",
                "200 ERROR could not render page {url}",
            ],
        ),
        "name resolution": Incident(
            "logfmt",
            "ERROR lookup payments.internal on 10.0.0.10:53: server misbehaving",
            [
                "400 ERROR payment {uuid} failed: upstream unavailable",
                "300 WARN retry {few} of 5 for order {n}",
            ],
        ),
        "permission after a deployment": Incident(
            "Python",
            "ERROR [Errno 13] Permission denied: '/var/lib/shop/uploads/index.lock'",
            [
                "250 ERROR upload {uuid} failed",
                "250 ERROR job {n} ended early and is queued again",
            ],
            before=("INFO deployed revision 8f3c2a1 as user deploy",),
        ),
        "clock skew": Incident(
            "JSON",
            "WARN time of this host is 412 s ahead of its peers, ntp is not synchronized",
            [
                "400 ERROR token of user {user} is not valid yet",
                "300 WARN request {hex} signed in the future, refused",
            ],
        ),
        "deadlock": Incident(
            "MySQL",
            "ERROR InnoDB: Deadlock found when trying to get lock on orders.items by batch-reprice",
            [
                "400 ERROR Lock wait timeout exceeded; try restarting transaction {n}",
                "300 WARNING Aborted connection {n} to db: 'orders' user: '{user}' host: '{ip}'",
            ],
        ),
        "upstream limits the rate": Incident(
            "zap",
            "WARN geocoder answered 429 Too Many Requests: quota of 10000 calls a day used up",
            [
                "500 ERROR address of order {n} could not be checked",
                "300 ERROR reconcile failed for {pod}, giving up after {few} attempts",
            ],
        ),
        "mistyped setting": Incident(
            "containers",
            "WARN unknown setting 'databse.url' in /etc/shop/shop.yaml is ignored, did you mean "
            "'database.url'",
            [
                "500 ERROR connection to localhost:{port} refused",
                "300 ERROR migration check failed, attempt {n}",
            ],
            before=_BOOT[:12],
        ),
        "a calm line at a restart": Incident(
            "Java",
            "INFO setting pool.max-size changed from 50 to 5 by rollout 812",
            [
                "500 ERROR request {hex} timed out after {n} ms waiting for a connection",
                "300 WARN queue depth {n} is above the high water mark",
            ],
            before=_BOOT,
            after=("INFO started in 14.2 seconds",),
        ),
        "a gap": Incident(
            "klog",
            "INFO freezing all tasks: snapshot of the virtual machine begins",
            [
                "300 WARN lease of {host} was not renewed in time",
                "200 ERROR leader election lost, {few} others may lead",
            ],
            gap_seconds=190,
        ),
        "slow query": Incident(
            "PostgreSQL",
            "LOG duration: 184223.118 ms  statement: SELECT * FROM orders o JOIN items i ON true",
            [
                "400 ERROR canceling statement due to statement timeout",
                "300 FATAL remaining connection slots are reserved for superusers",
            ],
        ),
        "leader election": Incident(
            "Kafka",
            "WARN Fsync of the write-ahead log took 7312 ms, disk /dev/sdc is too slow",
            [
                "200 WARN Leader changed from {few} to {few}, epoch {n}",
                "300 ERROR Not leader for partition orders-{n}",
                "200 WARN Heartbeat to {host} missed",
            ],
        ),
        "corrupted file": Incident(
            "kernel",
            "ERROR EXT4-fs error (device sdb1): ext4_validate_block_bitmap: bg 812: bad block "
            "bitmap checksum",
            [
                "200 ERROR EXT4-fs (sdb1): Remounting filesystem read-only",
                "300 ERROR systemd-journald: Failed to write entry {n}: Read-only file system",
            ],
        ),
    }
)
