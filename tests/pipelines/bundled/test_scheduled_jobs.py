"""scheduled-jobs, asked about tables of cron with what usually keeps a job from running."""

import subprocess
import sys
from importlib import resources
from pathlib import Path

from opsmcp_pipelines.manifest import parse_manifest
from opsmcp_pipelines.models import Task
from opsmcp_pipelines.run import Verdict
from tests.fakes.program import FakeProgram
from tests.pipelines.bundled.bench import Bench

GOOD = "# comment\nMAILTO=root\n15 3 * * *  root  /bin/sh /srv/report.sh --password=hunter2\n"
BAD = (
    "@daily root /srv/none/missing.sh\n"
    "*/5 * * * * nobody-here /bin/true\n"
    "0 1 * * * root /etc/passwd\n"
    "0 2 * * * root /bin/true # no line end"
)
TITLES = "NEXT LEFT LAST PASSED UNIT ACTIVATES\n"


def told_of(root: Path, search: str = "") -> list[str]:
    """What the step says of the tables below another root."""
    text = (resources.files("opsmcp_pipelines.bundled") / "scheduled-jobs.yaml").read_text("utf-8")
    _, task = parse_manifest(text, "scheduled-jobs.yaml", "elsewhere").operations
    assert isinstance(task, Task)
    script = task.steps[0].content.replace("${search}", search)
    script = script.replace('ROOT = "/"', f'ROOT = "{root}/"')
    command = [sys.executable, "-I", "-c", script]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def write(root: Path, path: str, text: str, mode: int = 0o644) -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return file


def test_jobs_stand_with_file_line_user_and_masked_secrets(tmp_path: Path) -> None:
    file = write(tmp_path, "etc/cron.d/report", GOOD)
    crontab = write(tmp_path, "var/spool/cron/crontabs/root", "@hourly /bin/true\n", 0o600)
    lines = told_of(tmp_path)
    job = f"  {file}:3: 15 3 * * *  root  /bin/sh /srv/report.sh --password=***"
    assert lines[-3:] == ["jobs: 2", job, f"  {crontab}:1: @hourly  root  /bin/true"]


def test_what_keeps_a_job_from_running_is_named(tmp_path: Path) -> None:
    file = write(tmp_path, "etc/cron.d/report.disabled", BAD, 0o666)
    script = write(tmp_path, "etc/cron.daily/backup", "#!/bin/sh\n")
    text = "\n".join(told_of(tmp_path))
    for said in (
        f"{file}: Debian's cron IGNORES a file with such a name; only letters, digits, _ and -",
        f"{file}: IGNORED: others than its owner may write it",
        f"{file}: its last line has no line end: IGNORED, or the whole file is",
        f"{file}:1: /srv/none/missing.sh DOES NOT EXIST",
        f"{file}:2: THERE IS NO USER nobody-here",
        f"{script}: IGNORED: it is not executable",
    ):
        assert f"  {said}\n" in text


def test_a_word_chooses_among_the_jobs(tmp_path: Path) -> None:
    write(tmp_path, "etc/crontab", GOOD + "0 4 * * * root /bin/true\n")
    assert told_of(tmp_path, "REPORT")[-2] == "jobs: 1 with 'report', of 2"


async def test_timers_and_failed_services_are_shown_where_systemd_runs(
    bench: Bench, programs: Path
) -> None:
    timers = f"{TITLES}n/a n/a n/a n/a backup.timer backup.service\n\n1 timers listed.\n"
    systemctl = FakeProgram(programs, "systemctl")
    systemctl.answer("list-timers", out=timers)
    systemctl.answer("list-units", out="backup.service loaded failed failed backup\n")
    outcome = await bench.run("scheduled-jobs", search="backup")
    assert outcome.verdict is Verdict.SUCCEEDED
    assert outcome.steps["cron"].startswith("cron: ")
    assert outcome.steps["timers"].splitlines()[1:] == [
        *timers.splitlines()[:2],
        "failed services:",
        "backup.service loaded failed failed backup",
    ]


async def test_no_timer_and_no_failed_service_of_that_name_are_no_failure(
    bench: Bench, programs: Path
) -> None:
    systemctl = FakeProgram(programs, "systemctl")
    systemctl.answer("list-timers", out=f"{TITLES}\n0 timers listed.\n")
    systemctl.answer("list-units", out="")
    outcome = await bench.run("scheduled-jobs", search="backup")
    assert outcome.verdict is Verdict.SUCCEEDED
