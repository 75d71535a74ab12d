"""What strangers choose makes no label without end; what is not wanted is not imported."""

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from opsmcp_server.calls.observed import CallDecided, JournalWritten, Observed, Observers
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.groups.server import Server
from opsmcp_server.config.load import load
from opsmcp_server.protocol.handlers import build_server
from opsmcp_server.telemetry import service
from opsmcp_server.telemetry.health import Health
from opsmcp_server.telemetry.labels import (
    ToolNames,
    error_label,
    http_method,
    method_label,
    status_label,
    version,
)
from opsmcp_server.transports.listening import listen_for_monitoring
from opsmcp_tools.model.errors import JournalBusy, JournalHindered
from tests.server.conftest import Ground
from tests.server.harness import running, services_of


class _Toolbox:
    """One that has every name but those with `gone` in them."""

    def find(self, name: str) -> object:
        return None if "gone" in name else name


def _names() -> ToolNames:
    tools: Any = SimpleNamespace(toolbox=_Toolbox())
    return ToolNames(tools)


def test_a_catalogue_that_changes_for_ever_makes_five_hundred_labels() -> None:
    names = _names()
    labels = {names.label(f"op-{number}") for number in range(2_000)}
    assert len(labels) == 501
    assert names.label("op-0") == "op-0"
    assert names.label("list_runs") == "list_runs"
    assert names.label("op-1999") == "other"


@pytest.mark.parametrize("name", ["gone-1", 7, None, ["op-1"], {"a": 1}], ids=str)
def test_what_is_no_tool_has_one_label(name: object) -> None:
    assert _names().label(name) == "other"


def test_codes_methods_and_versions_of_strangers_have_one_label_each() -> None:
    assert [error_label(code) for code in (-32602, 7, -1)] == ["-32602", "other", "other"]
    assert [status_label(it) for it in (200, 999, None)] == ["200", "other", "none"]
    assert [http_method(it) for it in ("GET", "EVIL")] == ["GET", "_OTHER"]
    assert [version(it) for it in ("2026-07-28", "2099-01-01")] == ["2026-07-28", "other"]


async def test_a_method_is_one_that_the_server_answers(ground: Ground) -> None:
    async with running("memory-modern", ground.environ(), ground.root) as run:
        server = build_server(services_of(run))
    asked = ("tools/call", "initialize", "notifications/initialized", "tools/evil", "tasks/get")
    assert [method_label(server, it) for it in asked] == [
        "tools/call",
        "initialize",
        "notifications/initialized",
        "other",
        "tasks/get",
    ]


def test_an_observer_that_fails_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Observed] = []

    def fail(_event: Observed, /) -> None:
        raise ValueError("it failed")

    observers = Observers()
    observers.add(fail)
    observers.add(heard.append)
    observers(CallDecided("allow"))
    assert heard == [CallDecided("allow")]
    assert "an observer failed on CallDecided" in caplog.text


async def test_a_journal_that_cannot_be_written_makes_it_not_ready(ground: Ground) -> None:
    async with running("memory-modern", ground.environ(), ground.root) as run:
        context = services_of(run).calls
        health = Health(context, lambda: False)
        seen = [health.is_ready]
        for error in (JournalBusy("busy"), JournalHindered("the disk is full"), None):
            context.observers(JournalWritten(0.1, error))
            seen.append(health.is_ready)
    assert seen == [True, True, False, True]


async def test_a_server_that_stops_is_not_ready(ground: Ground) -> None:
    async with running("memory-modern", ground.environ(), ground.root) as run:
        assert not Health(services_of(run).calls, lambda: True).is_ready


@pytest.mark.parametrize(
    "address", ["9464", "host", "a@b:1", "http://h:1", "h:99999", "h:1/x", ":1"]
)
def test_an_address_that_is_none_stops_the_start(address: str, ground: Ground) -> None:
    with pytest.raises(ConfigError, match=r"server\.metrics_address.*127\.0\.0\.1:9464"):
        load(ground.environ(OPSMCP_SERVER_METRICS_ADDRESS=address), cwd=ground.root)


@pytest.mark.parametrize("address", ["127.0.0.1:0", "localhost:0", "[::1]:0"])
def test_metrics_are_served_where_the_settings_say(address: str) -> None:
    listener = listen_for_monitoring(Server(metrics_address=address))
    assert listener is not None
    with listener:
        taken = listener.getsockname()[1]
        host = address.rpartition(":")[0]
        with pytest.raises(ConfigError, match=r"server\.metrics_address.*in use"):
            listen_for_monitoring(Server(metrics_address=f"{host}:{taken}"))


_WITHOUT = """
import sys
sys.modules['prometheus_client'] = sys.modules['opentelemetry.exporter'] = None
from opsmcp_server.cli import main
sys.argv[1:] = ['serve', '--port', '0']
main()
"""


@pytest.mark.parametrize(
    ("setting", "value", "extra"),
    [
        ("OPSMCP_SERVER_METRICS_ADDRESS", "127.0.0.1:0", "metrics"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1", "otel"),
    ],
)
def test_a_missing_extra_is_named_at_the_start(
    setting: str, value: str, extra: str, ground: Ground
) -> None:
    environ = ground.environ(**{setting: value})
    ended = subprocess.run(
        [sys.executable, "-c", _WITHOUT],
        env=environ,
        cwd=ground.root,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 2, ended.stderr
    last = ended.stderr.splitlines()[-1]
    assert f"pip install 'opsmcp[{extra}]'" in last
    assert setting.removeprefix("OPSMCP_").replace("_", ".", 1).lower() in last or setting in last


_LATE = (
    "prometheus_client",
    "opentelemetry.sdk",
    "opentelemetry.exporter",
    "opsmcp_server.telemetry",
)


def test_stdio_and_a_server_that_is_not_watched_import_nothing_of_it() -> None:
    code = (
        "import sys\n"
        "from opsmcp_server.transports import stdio\n"
        "from opsmcp_server import app\n"
        f"print([name for name in sys.modules if name.startswith({_LATE!r})])\n"
        "from opsmcp_server.cli import serve\n"
        "from opsmcp_server.process.preload import import_ahead; import_ahead()\n"
        f"print([name for name in sys.modules if name.startswith({_LATE[:3]!r})])\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120
    )
    assert ended.stdout == "[]\n[]\n", ended.stderr


async def test_nothing_is_made_where_nothing_is_wanted(ground: Ground) -> None:
    async with running("memory-modern", ground.environ(), ground.root) as run:
        context = services_of(run).calls
        off = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"}
        for environ in ({}, off):
            with service.open_telemetry(context, environ) as telemetry:
                assert telemetry == service.Telemetry()
