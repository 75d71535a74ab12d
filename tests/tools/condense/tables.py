"""Tables of hundreds of rows as commands print them, with the rows that matter. Always the same."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["TABLES", "Table"]

Cells = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The titles, the rows in their order, and those of them that somebody has to see."""

    titles: str
    rows: Sequence[str]
    matter: Sequence[str]

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join([self.titles, *self.rows])


def _table(
    titles: str, form: str, row: Callable[[int, random.Random], Cells], *odd: Cells, rows: int = 400
) -> Table:
    """A table in which the odd rows stand among ordinary ones."""
    chance = random.Random(titles)
    plain = [form.format(*row(number, chance)) for number in range(rows)]
    matter = [form.format(*cells) for cells in odd]
    for place, line in enumerate(matter):
        plain.insert(rows // (len(matter) + 1) * (place + 1), line)
    return Table(form.format(*titles.split("|")), plain, matter)


def _id(chance: random.Random, letters: int = 5) -> str:
    return "".join(chance.choices("bcdfghjklmnpqrstvwxz2456789", k=letters))


_POD = "{:14} {:40} {:7} {:20} {:18} {:6} {:14} {:10}"
_PS = "{:10} {:>7} {:>5} {:>5} {:>9} {:>8} {:8} {:4} {:8} {:>7} {}"
_DF = "{:24} {:>6} {:>6} {:>6} {:>5} {}"
_UNIT = "  {:34} {:9} {:10} {:12} {}"

TABLES: Mapping[str, Table] = MappingProxyType(
    {
        "kubectl get pods -o wide": _table(
            "NAMESPACE|NAME|READY|STATUS|RESTARTS|AGE|IP|NODE",
            _POD,
            lambda n, chance: (
                ("shop", "billing", "search")[n % 3],
                f"api-{n % 40}-{_id(chance, 9)}-{_id(chance)}",
                "2/2",
                "Running",
                "0",
                f"{n % 90}d",
                f"10.1.{n % 200}.{n % 250}",
                f"node-{n % 12}",
            ),
            (
                "shop",
                "cart-7f9-x2x4x",
                "1/2",
                "CrashLoopBackOff",
                "17 (3m ago)",
                "2d",
                "10.1.7.3",
                "node-3",
            ),
            ("shop", "mail-5c8-b4b5b", "0/1", "ImagePullBackOff", "0", "5m", "10.1.9.9", "node-4"),
            ("search", "index-0", "1/2", "Running", "0", "12d", "10.1.2.2", "node-5"),
            ("billing", "export-28-q4", "0/1", "OOMKilled", "3", "1h", "10.1.3.3", "node-1"),
            ("billing", "report-9-z9", "0/1", "Pending", "0", "40m", "<none>", "<none>"),
            ("shop", "feed-3-k7", "2/2", "Running", "212 (9m ago)", "12d", "10.1.4.4", "node-9"),
        ),
        "kubectl get nodes": _table(
            "NAME|STATUS|ROLES|AGE|VERSION",
            "{:20} {:26} {:16} {:6} {}",
            lambda n, _: (f"worker-{n:03}", "Ready", "<none>", f"{n + 9}d", "v1.31.2"),
            ("worker-x1", "NotReady", "<none>", "90d", "v1.31.2"),
            ("worker-x2", "Ready,SchedulingDisabled", "<none>", "12d", "v1.31.2"),
            ("worker-x3", "Ready", "<none>", "400d", "v1.27.9"),
        ),
        "ps aux": _table(
            "USER|PID|%CPU|%MEM|VSZ|RSS|TTY|STAT|START|TIME|COMMAND",
            _PS,
            lambda n, chance: (
                ("root", "www-data", "postgres")[n % 3],
                300 + 7 * n,
                f"{chance.random():.1f}",
                f"{chance.random():.1f}",
                10_000 + n,
                chance.randrange(2_000, 90_000),
                "?",
                "Ss",
                "Nov12",
                f"0:{n % 60:02}",
                (f"[kworker/{n % 8}:1]", "nginx: worker process", "postgres: idle")[n % 3],
            ),
            (
                "shop",
                9001,
                "398",
                "1.2",
                8_123_456,
                212_000,
                "?",
                "Rl",
                "02:11",
                "91:22",
                "java -jar shop.jar",
            ),
            (
                "shop",
                9002,
                "0.3",
                "87.4",
                98_123_456,
                28_000_000,
                "?",
                "Sl",
                "01:11",
                "3:22",
                "python3 export.py",
            ),
            ("root", 9003, "0.0", "0.0", 0, 0, "?", "Z", "01:12", "0:00", "[backup] <defunct>"),
            (
                "root",
                9004,
                "0.0",
                "0.0",
                1_200,
                900,
                "?",
                "D",
                "01:13",
                "0:00",
                "tar -cf /mnt/nfs/all.tar /",
            ),
        ),
        "df -h": _table(
            "Filesystem|Size|Used|Avail|Use%|Mounted",
            _DF,
            lambda n, _: (
                f"/dev/mapper/vg-v{n}",
                "50G",
                f"{n % 30 + 5}G",
                "20G",
                f"{n % 60 + 10}%",
                f"/data/{n}",
            ),
            ("/dev/sda1", "40G", "40G", "0", "100%", "/var"),
            ("/dev/sdb1", "100G", "96G", "4.0G", "96%", "/srv/backup"),
            rows=250,
        ),
        "ss -tlnp": _table(
            "State|Recv-Q|Send-Q|Local|Peer|Process",
            "{:8} {:>7} {:>7} {:>24} {:>16} {}",
            lambda n, _: (
                "LISTEN",
                0,
                4096,
                f"127.0.0.1:{20_000 + n}",
                "0.0.0.0:*",
                f'users:(("agent",pid={n},fd=7))',
            ),
            ("LISTEN", 4097, 4096, "0.0.0.0:8080", "0.0.0.0:*", 'users:(("java",pid=77,fd=9))'),
            rows=300,
        ),
        "systemctl list-units": _table(
            "UNIT|LOAD|ACTIVE|SUB|DESCRIPTION",
            _UNIT,
            lambda n, chance: (
                f"{_id(chance, 8)}.service",
                "loaded",
                "active",
                "running",
                f"Daemon number {n}",
            ),
            ("orders.service", "loaded", "failed", "failed", "Orders of the shop"),
            ("old-mount.mount", "not-found", "inactive", "dead", "An old mount"),
            ("index.service", "loaded", "activating", "auto-restart", "Index of the shop"),
        ),
        "docker ps -a": _table(
            "CONTAINER ID|IMAGE|COMMAND|CREATED|STATUS|PORTS|NAMES",
            "{:14} {:22} {:18} {:14} {:30} {:10} {}",
            lambda n, chance: (
                _id(chance, 12),
                "shop/api:4.2",
                '"/bin/api"',
                "3 days ago",
                "Up 3 days",
                "8080/tcp",
                f"api-{n}",
            ),
            (
                "9f3b2a1c0d4e",
                "shop/mail:1.9",
                '"/bin/mail"',
                "3 days ago",
                "Exited (137) 2 hours ago",
                "",
                "mail-1",
            ),
            (
                "8e3b2a1c0d4e",
                "shop/feed:1.2",
                '"/bin/feed"',
                "3 days ago",
                "Restarting (1) 9 seconds ago",
                "",
                "feed-1",
            ),
            (
                "7d3b2a1c0d4e",
                "shop/api:4.2",
                '"/bin/api"',
                "3 days ago",
                "Up 3 days (unhealthy)",
                "8080/tcp",
                "api-x",
            ),
        ),
        "lsblk": _table(
            "NAME|MAJ:MIN|RM|SIZE|RO|TYPE|MOUNTPOINTS",
            "{:8} {:>8} {:>3} {:>7} {:>3} {:5} {}",
            lambda n, _: (f"sd{n}", f"8:{n}", 0, "1.8T", 0, "disk", f"/data/{n}"),
            ("sdx", "65:16", 0, "1.8T", 1, "disk", "/data/x"),
            rows=200,
        ),
        "helm list -A": _table(
            "NAME|NAMESPACE|REVISION|UPDATED|STATUS|CHART|APP VERSION",
            "{:18} {:12} {:9} {:24} {:16} {:18} {}",
            lambda n, _: (
                f"release-{n}",
                "shop",
                n % 9 + 1,
                "2026-11-02 10:00:00",
                "deployed",
                "shop-4.2.0",
                "4.2",
            ),
            ("release-x", "billing", 12, "2026-11-30 01:12:00", "failed", "shop-4.3.0", "4.3"),
            (
                "release-y",
                "billing",
                4,
                "2026-11-30 01:14:00",
                "pending-upgrade",
                "shop-4.3.0",
                "4.3",
            ),
        ),
        "a wide answer of SQL": _table(
            "id|customer|region|state|amount|currency|created_at|updated_at|note",
            "{:>6} | {:12} | {:8} | {:10} | {:>8} | {:3} | {:19} | {:19} | {}",
            lambda n, _: (
                n,
                f"customer-{n % 50}",
                "eu-west",
                "paid",
                f"{n * 3}.50",
                "EUR",
                "2026-11-01 10:00:00",
                "2026-11-02 10:00:00",
                "ordinary order",
            ),
            (
                90_001,
                "customer-9",
                "eu-west",
                "failed",
                "90.10",
                "EUR",
                "2026-11-30 02:10:00",
                "2026-11-30 02:11:00",
                "card was refused",
            ),
            (
                90_002,
                "customer-7",
                "eu-west",
                "refunded",
                "7.10",
                "EUR",
                "2026-11-30 02:10:00",
                "2026-11-30 02:11:00",
                "ordinary order",
            ),
        ),
    }
)
