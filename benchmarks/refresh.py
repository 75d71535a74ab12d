"""A refresh that finds 5,000 operations unchanged, beside one that finds a change among them."""

import json
import re
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio

from benchmarks.measure import Row
from opsmcp_server.app import open_services
from opsmcp_server.config.load import load
from opsmcp_server.protocol.services import Services

_PIPELINES = 2_500
_ROUNDS = 7

Pages = dict[str, list[bytes]]
"""Each kind of object, as JSON texts: the server is to cost as little as possible."""


def run() -> list[Row]:
    pages = _pages()
    with _server(pages) as url, tempfile.TemporaryDirectory() as folder:
        unchanged, changed = anyio.run(_measure, url, Path(folder), pages)
    detail = f"{unchanged * 1000:.0f} ms beside {changed * 1000:.0f} ms"
    return [Row("unchanged refresh / changed one", unchanged / changed, 0.1, detail=detail)]


async def _measure(url: str, folder: Path, pages: Pages) -> tuple[float, float]:
    environ = {
        "OPS_SERVER": url,
        "OPSMCP_STATE_DIR": str(folder),
        "OPSMCP_EXPOSE_TASKS": "all",
        "OPSMCP_DISCOVERY_INTERVAL_SECONDS": "3600",
    }
    async with open_services(load(environ, cwd=folder), environ) as services:
        await services.calls.tools.wait_for_first_read()
        times: tuple[list[float], list[float]] = ([], [])
        for number in range(_ROUNDS):
            times[0].append(await _refresh(services))
            pages["pipelines"][0] = _pipeline(f"edition-{number}")
            times[1].append(await _refresh(services))
    return sorted(times[0])[_ROUNDS // 2], sorted(times[1])[_ROUNDS // 2]


async def _refresh(services: Services) -> float:
    begin = anyio.current_time()
    await services.calls.tools.discovery.refresh()
    # Tools are made in a thread: a refresh is over when they are the ones that clients see.
    while not _is_adopted(services):  # noqa: ASYNC110 - only a benchmark waits for this
        await anyio.sleep(0.001)
    return anyio.current_time() - begin


def _is_adopted(services: Services) -> bool:
    toolbox = services.calls.tools.toolbox
    return toolbox is not None and toolbox.catalogue is services.calls.tools.discovery.catalogue


_METADATA = {"namespace": "ops-system", "labels": {"ops/copilot": "enabled"}}
_VARIABLES = {
    "namespace": {"display": "namespace", "required": True},
    "pod": {"display": "pod name", "required": True},
    "topk": {"default": "10"},
}


def _pages() -> Pages:
    names = [f"op-{number:04}" for number in range(_PIPELINES)]
    return {
        "pipelines": [_pipeline(name) for name in names],
        "tasks": [_task(name) for name in names],
    }


def _pipeline(name: str) -> bytes:
    spec = {
        "desc": f"show part {name} of the system",
        "variables": _VARIABLES,
        "tasks": [{"name": "show", "taskRef": "op-0001"}],
    }
    return json.dumps({"metadata": {"name": name, **_METADATA}, "spec": spec}).encode()


def _task(name: str) -> bytes:
    spec = {
        "desc": f"show part {name}",
        "variables": _VARIABLES,
        "steps": [{"name": "show", "content": "kubectl get pod ${pod}"}],
    }
    return json.dumps({"metadata": {"name": name, **_METADATA}, "spec": spec}).encode()


@contextmanager
def _server(pages: Pages) -> Generator[str]:
    """A server that does no more than it must, so that the client's work is what is measured."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, pages))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(rows: list[bytes], page: int, size: int) -> bytes:
    shown = rows[(page - 1) * size : page * size]
    rendered = b",".join(shown)
    listed = b"[" + rendered + b"]" if shown else b"null"
    numbers = b'"page_size":%d,"page":%d,"total":%d' % (size, page, len(rows))
    return b'{"code":0,"message":"success","data":{%s,"list":%s}}' % (numbers, listed)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, pages: Pages, *arguments: Any) -> None:
        self._pages = pages
        super().__init__(*arguments)

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        query = {
            name: int(values[0])
            for name, values in parse_qs(address.query).items()
            if values[0].isdigit()
        }
        match = re.search(r"/(\w+)$", address.path)
        rows = self._pages.get(match[1] if match else "", [])
        body = _answer(rows, query.get("page", 1), query.get("page_size", 10))
        self.send_response(200)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_arguments: Any) -> None:  # noqa: A002 - its name there
        """Say nothing: standard error belongs to the table."""
