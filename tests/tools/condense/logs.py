"""Logs for the tests of condensing: with everything that makes them hard, the same every time."""

import random

WORDS = ("alpha", "bravo", "cache", "delta", "queue", "shard", "proxy", "index")

ERRORS = (
    "no space left on device: /data",
    "connection refused by the database",
    "certificate of the registry has expired: error 10",
    "permission denied: cannot open the key",
    "E1017 the shard is lost",
    "E1018 the shard is lost",
    "upstream answered HTTP 502",
    "upstream answered HTTP 503",
    "pod was OOMKilled",
    "java.lang.IllegalStateException: already closed",
    "panic: runtime error: index out of range",
    "磁盘写入失败",
)


def chatter(lines: int, seed: int = 1) -> list[str]:
    chance = random.Random(seed)
    return [
        f"2026-11-23T10:{number // 60 % 60:02}:{number % 60:02} INFO [worker-{number % 7}] request "
        f"{chance.getrandbits(64):016x} of {chance.choice(WORDS)} took {number % 991} ms"
        for number in range(lines)
    ]


def with_errors(lines: int, errors: tuple[str, ...] = ERRORS, seed: int = 1) -> list[str]:
    """Each error a few times among the chatter, with changing numbers before and after it."""
    chance, log = random.Random(seed), chatter(lines, seed)
    for error in errors:
        for _ in range(3):
            text = f"2026-11-23T10:00:{chance.randrange(60):02} ERROR [db] {error} "
            log.insert(chance.randrange(len(log)), text + f"(try {chance.randrange(1000)})")
    return log


_FRAMES = "".join(f'  File "/srv/app/frame_{n}.py", line {n}\n' for n in range(30))

TRACE = f"""\
Traceback (most recent call last):
  File "/srv/app/main.py", line 10, in main
    run(settings)
{_FRAMES}  File "/srv/app/inner.py", line 99, in inner
    raise ValueError(message)
ValueError: the checksum of block 77 is wrong"""
