"""Outputs of programs as they are: what is below an error belongs to it, and a text is no log."""

import json
import re

import pytest

from opsmcp_tools.condense.choose import condense


def rows(*lines: str) -> list[str]:
    return condense("\n".join(lines)).split("\n")


def served(count: int) -> list[str]:
    return [
        f"2026-11-30 10:{n // 60 % 60:02}:{n % 60:02},{n % 997:03} INFO [shop] order {n} priced"
        for n in range(count)
    ]


JAVA = """\
java.lang.RuntimeException: GET /orders/7 failed
	at shop.Service.get(Service.java:6)
	at java.base/java.lang.Thread.run(Thread.java:833)
Caused by: java.lang.IllegalStateException: order 7 cannot be loaded
	at shop.Repo.load(Repo.java:4)
	... 2 more
Caused by: java.sql.SQLException: no connection from the pool after 30000 ms
	at shop.Repo.connect(Repo.java:5)
	... 4 more
Caused by: java.net.ConnectException: Connection refused
	at java.base/sun.nio.ch.Net.pollConnect(Native Method)"""


def test_no_warning_stands_above_an_error_and_only_common_values_are_named() -> None:
    warned = [
        f"2026-11-30 10:{n // 60:02}:{n % 60:02} WARN [shop] slow answer from "
        + ("10.9.9.9" if n * n % 11 == 4 else f"10.0.0.{n % 127}")
        for n in range(1_200)
    ]
    shown = rows(*warned, "2026-11-30 10:20:00 ERROR [shop] no answer at all", *warned)
    assert "no answer at all" in shown[2] and "slow answer" in shown[3]
    assert re.search(r"10\.9\.9\.9 1\d % \(of \d+\+\)", shown[3])


def test_every_cause_of_a_nested_trace_stands_below_its_exception() -> None:
    shown = rows(*served(800), *JAVA.split("\n"), *served(800))
    begin = shown.index("java.lang.RuntimeException: GET /orders/7 failed")
    assert [
        line.strip().partition(" ")[2] for line in shown[begin + 1 : begin + 7] if "Caused" in line
    ] == [
        "by: java.lang.IllegalStateException: order 7 cannot be loaded",
        "by: java.sql.SQLException: no connection from the pool after 30000 ms",
        "by: java.net.ConnectException: Connection refused",
    ]
    assert "    at shop.Repo.connect(Repo.java:5)" in shown


PYTHON = """\
Traceback (most recent call last):
  File "/srv/shop/main.py", line 13, in <module>
    parse("12,50")
  File "/srv/shop/price.py", line 8, in parse
    raise ValueError(f"{text} cannot be a price, an error of whoever typed it")
ValueError: 12,50 cannot be a price, an error of whoever typed it"""


def test_an_exception_of_python_has_the_frames_above_it_and_no_rows_of_their_own() -> None:
    shown = rows(*served(800), *PYTHON.split("\n"), *served(800))
    begin = shown.index("trouble:")
    _, *frames, said = PYTHON.split("\n")
    assert shown[begin + 1 : begin + 4] == [
        said,
        *(f"    {' '.join(map(str.strip, frames[n : n + 2]))}" for n in (0, 2)),
    ]
    assert not [line for line in shown if line.startswith(("Traceback", "raise"))]


GO = """\
panic: assignment to entry in nil map

goroutine 1 [running]:
shop.(*cart).add(...)
	/srv/shop/main.go:4
main.main()
	/srv/shop/main.go:8 +0x1b9"""


def test_a_panic_of_go_has_its_frames_though_an_empty_line_stands_between() -> None:
    shown = rows(*served(800), *GO.split("\n"), "exit status 2", *served(800))
    begin = shown.index("panic: assignment to entry in nil map")
    assert shown[begin + 1 : begin + 3] == [
        "    shop.(*cart).add(...) /srv/shop/main.go:4",
        "    main.main() /srv/shop/main.go:8 +0x1b9",
    ]


DOTNET = """\
Unhandled exception. System.InvalidOperationException: order 7 cannot be priced
 ---> System.TimeoutException: the pool is empty
   at Npgsql.PoolingDataSource.Get(NpgsqlConnection c)
   --- End of inner exception stack trace ---
   at Shop.PriceService.Price(Int32 id) in /src/PriceService.cs:line 31
   at Microsoft.AspNetCore.Routing.Endpoint.Invoke() in /_/src/Endpoint.cs:line 6"""
RUST = """\
thread 'worker' panicked at src/price.rs:41:27:
stack backtrace:
   0: rust_begin_unwind
             at /rustc/90b35a6/library/std/src/panicking.rs:647:5
   4: shop::price::quote
             at ./src/price.rs:41:27"""
PHP = """\
PHP Fatal error:  Uncaught PDOException: Connection refused in /srv/shop/Db.php:14
Stack trace:
#0 /srv/shop/Db.php(14): PDO->__construct('mysql:host=db')
#1 /srv/shop/vendor/slim/App.php(38): Shop->list()
#2 {main}"""


@pytest.mark.parametrize(
    ("trace", "below"),
    [
        (
            DOTNET,
            [
                "---> System.TimeoutException: the pool is empty",
                "at Shop.PriceService.Price(Int32 id) in /src/PriceService.cs:line 31",
            ],
        ),
        (RUST, ["4: shop::price::quote at ./src/price.rs:41:27"]),
        (PHP, ["#0 /srv/shop/Db.php(14): PDO->__construct('mysql:host=db')"]),
    ],
    ids=[".NET", "Rust", "PHP"],
)
def test_of_any_language_the_authors_frames_stand_below_with_their_places(
    trace: str, below: list[str]
) -> None:
    lines = trace.split("\n")
    shown = rows(*served(800), *lines, *served(800))
    begin = shown.index(lines[0])
    assert [line.strip() for line in shown[begin + 1 : shown.index("also:")]] == below


def test_fields_of_json_that_nearly_all_lines_have_are_said_once() -> None:
    log = [
        json.dumps({"level": 30, "time": 1_790_000_000_000 + n, "pid": 7, "msg": f"cart {n} kept"})
        for n in range(900)
    ]
    log[500] = json.dumps({"level": 50, "pid": 7, "err": {"code": "E7"}, "msg": "no session"})
    shown = rows(*log)
    assert shown[0].endswith("; nearly all lines: pid=7]")
    assert shown[1:3] == ["trouble:", "ERROR no session code=E7"]
    assert "cart 0 kept  [×899; 14:13:20]" in shown


def test_a_letter_that_all_lines_have_is_no_level() -> None:
    lines = [f"2026-11-30T10:00:{n % 60:02}.5Z stdout F route {n} reloaded" for n in range(900)]
    assert "trouble:" not in rows(*lines)


def test_the_level_behind_the_name_of_a_channel_is_read() -> None:
    lines = [f"[2026-11-30 10:00:{n % 60:02}] shop.INFO: order {n} kept" for n in range(900)]
    lines[450] = "[2026-11-30 10:00:30] shop.ALERT: order 450 doubled"
    assert rows(*lines)[1:3] == ["trouble:", "ERROR order 450 doubled  [10:00:30]"]


def test_of_lines_without_times_the_first_are_shown_beside_the_last() -> None:
    shown = rows(*(f"{900 - n}ms unit-{n}.service" for n in range(900)))
    begin = shown.index("the beginning:")
    assert shown[begin + 1 : begin + 3] == ["900ms unit-0.service", "899ms unit-1.service"]
    assert shown[-1] == "1ms unit-899.service"


def test_times_and_levels_are_read_though_traces_and_headings_stand_among_the_lines() -> None:
    trace = PYTHON.split("\n")
    lines = ["== /var/log/shop.log: 40,000 bytes", *served(60)]
    for number in range(9):
        lines += [*trace, *served(40 + number)]
    shown = rows(*lines)
    assert any(line.startswith("order 0 priced  [×") and "10:00:00–" in line for line in shown)


def compiled(count: int) -> list[str]:
    return [
        line
        for n in range(count)
        for line in (
            f"warning: unused variable: `unused_{n}`",
            f"  --> src/module_{n}.rs:1:31",
            "   |",
            "",
        )
    ]


def test_where_an_error_of_a_compiler_is_stands_below_it() -> None:
    error = ["error[E0382]: borrow of moved value: `v`", "  --> src/cart.rs:2:48", "   |", ""]
    shown = rows(*compiled(200), *error, *compiled(200))
    assert shown[shown.index(error[0]) + 1] == "    --> src/cart.rs:2:48"
    assert not [line for line in shown[: shown.index("the end:")] if line.strip() == "|"]


_SUBJECTS = [
    f"{what} {verb} {where}"
    for what in ("A call", "The list", "Whoever waits", "A server", "What failed", "The journal")
    for verb in (
        "cannot be lost by",
        "is refused without",
        "names every error of",
        "was missing in",
    )
    for where in ("the chat", "a page", "two hosts", "the plan", "old runs", "an outage")
]


@pytest.mark.parametrize("form", ["{id}\n    {subject}\n", "{id} {subject}", "+ {subject}"])
def test_words_of_failure_in_sentences_of_a_text_are_no_trouble(form: str) -> None:
    commits = [
        form.format(id=f"{n * 7_919_317 % 2**28:07x}", subject=subject)
        for n, subject in enumerate(_SUBJECTS)
    ]
    assert "trouble:" not in rows(*"\n".join(commits).split("\n"))


def test_what_a_program_reports_is_trouble_in_a_text_too() -> None:
    reported = [
        "curl: (7) Failed to connect to localhost port 80",
        "npm error code ERESOLVE",
        "fast.c:2:10: fatal error: jansson.h: No such file or directory",
        "ERROR: Could not build wheels for fastjson",
        "ssh: connect to host db port 22: Connection refused",
    ]
    shown = rows(*_SUBJECTS, *reported, *[f"{it} again" for it in _SUBJECTS])
    trouble = shown[shown.index("trouble:") + 1 : shown.index("also:")]
    assert [line for line in reported if line not in trouble] == ["npm error code ERESOLVE"]


def test_names_of_files_and_paths_of_urls_are_no_trouble() -> None:
    requests = [
        f'10.0.0.{n % 9} - - [30/Nov/2026:10:00:{n % 60:02} +0000] "GET /{path} HTTP/1.1" 200 {n}'
        for n in range(600)
        for path in ("slow", "errors/latest?failed=1", "docs/capture-warnings.html")
    ]
    assert "trouble:" not in rows(*requests)


def test_a_host_that_failed_is_told_from_those_that_did_not() -> None:
    recap = "web-{:02} : ok={} changed=1 unreachable=0 failed={} skipped={} rescued=0 ignored=0"
    hosts = [recap.format(n, *((1, 1, 0) if n == 17 else (3, 0, 1))) for n in range(99)]
    shown = rows("PLAY RECAP ****", *hosts)
    trouble = shown[shown.index("trouble:") + 1 : shown.index("also:")]
    assert [" ".join(line.split()) for line in trouble] == [hosts[17]]


def followed() -> list[str]:
    return [
        line
        for n in range(300)
        for line in (
            f'web-1    | 10.0.0.1 - - [30/Nov/2026:10:00:00 +0000] "GET /cart/{n} HTTP/1.1" 200 5',
            f'api-1    | {{"level":"info","ts":"2026-11-30T10:00:01Z","msg":"done","ms":{n}}}',
            f"db-1     | 2026-11-30 10:00:02.123 UTC [27] LOG:  checkpoint wrote {n} buffers",
        )
    ]


def test_lines_of_several_programs_keep_the_name_of_theirs() -> None:
    error = 'api-1    | {"level":"error","ts":"2026-11-30T10:08:20Z","msg":"cannot reach redis"}'
    shown = rows(*followed(), error, "redis-1 exited with code 137", *followed())
    assert shown[2] == "ERROR api-1 | cannot reach redis  [10:08:20]"
    assert "redis-1 exited with code 137" in shown


def described(name: str, *, ended: str = "") -> list[str]:
    last = ["    Last State:     Terminated", f"      Reason:       {ended}"] if ended else []
    return [
        f"  {name}:",
        f"    Container ID:   containerd://{name * 9}",
        f"    Image:          registry.example.com/shop/{name}:4.18.2",
        "    Host Port:      0/TCP",
        "    State:          Running",
        *last,
        "    Limits:",
        "      memory:       512Mi",
        "    Mounts:",
        "      /etc/shop from config (ro)",
    ]


def test_what_is_described_by_indented_keys_keeps_what_an_error_belongs_to() -> None:
    names = [f"container{n:02}" for n in range(40)]
    text = ["Name:   web-1", "Start Time:   Mon, 30 Nov 2026 09:01:12 +0000", "Containers:"]
    for name in names:
        text += described(name, ended="OOMKilled" if name.endswith("33") else "")
    shown = rows(*text)
    begin = shown.index("      Reason:       OOMKilled")
    above = [line for line in shown[:begin] if line.startswith(("  container", "    Last"))]
    assert above[-2:] == ["  container33:", "    Last State:     Terminated"]


def test_of_values_that_come_in_turns_none_is_overlooked() -> None:
    turns = [
        f"2026-11-30T10:{n // 60:02}:{n % 60:02}Z INFO  health - beat of worker-{n % 9}"
        for n in range(3_000)
    ]
    row = next(line for line in rows(*turns) if "[×3,000; " in line)
    assert row.endswith("(of 9+)]")


def test_a_log_without_trouble_has_times_and_the_commonest_values() -> None:
    beats = [
        f"2026-11-30T10:{n // 60:02}:{n % 60:02}Z INFO  health - beat of worker-{n * n % 3}"
        for n in range(900)
    ]
    moved = "2026-11-30T10:15:00Z INFO  clock - the day was moved by an operator"
    shown = rows(*beats, moved)
    row = next(line for line in shown if line.startswith("health - beat of worker-0  [×900; "))
    assert "10:00:00–10:14:59; " in row
    assert re.search(r"worker-1 6\d %", row)
    assert "clock - the day was moved by an operator  [10:15:00]" in shown
