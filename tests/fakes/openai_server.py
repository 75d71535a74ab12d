"""A scripted OpenAI-compatible endpoint on a real socket: each request gets the next answer.

Speaks raw HTTP from a thread, so that faults of every kind can be played: statuses, streams that
break off, rubbish, silence.
"""

import json
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import Any, cast

Answer = Callable[["Exchange"], None]


class Exchange(BaseHTTPRequestHandler):
    """One request, and the means to answer it."""

    protocol_version = "HTTP/1.1"

    @property
    def fake(self) -> "FakeOpenAI":
        return cast("_Server", self.server).fake

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = Request(monotonic(), dict(self.headers), json.loads(body), self.client_address[1])
        self.fake.requests.append(request)
        self.close_connection = not self.fake.keeps_alive
        self.fake.answer_to(request)(self)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        pass

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def send(self, data: str) -> None:
        raw = data.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(raw), raw))
        self.wfile.flush()

    def end_stream(self) -> None:
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    fake: "FakeOpenAI"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves is nothing to report."""


@dataclass(frozen=True)
class Request:
    at: float
    headers: dict[str, str]
    body: dict[str, Any]
    port: int
    """Of the client: the same for requests on one connection."""

    @property
    def messages(self) -> list[dict[str, Any]]:
        return self.body["messages"]

    @property
    def last(self) -> dict[str, Any]:
        return self.messages[-1]

    def results(self) -> list[str]:
        return [item["content"] for item in self.messages if item["role"] == "tool"]


@dataclass
class FakeOpenAI:
    url: str = ""
    answers: list[Answer] = field(default_factory=list[Answer])
    requests: list[Request] = field(default_factory=list[Request])
    keeps_alive: bool = False

    def answer_to(self, request: Request) -> Answer:
        """The next of the script, whatever is asked."""
        return self.answers.pop(0) if self.answers else status(500, "the script has ended")

    def script(self, *answers: Answer) -> None:
        self.answers.extend(answers)


@contextmanager
def fake_openai(fake: FakeOpenAI | None = None) -> Generator[FakeOpenAI]:
    fake = fake or FakeOpenAI()
    with _Server(("127.0.0.1", 0), Exchange) as server:
        server.fake = fake
        fake.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield fake
        server.shutdown()
        thread.join()


def chunk(delta: dict[str, Any], finish: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    data = {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [choice],
    }
    return f"data: {json.dumps(data)}\n\n"


def chunks(*parts: str) -> Answer:
    """These events, and the end of the stream."""

    def answer(exchange: Exchange) -> None:
        exchange.begin_stream()
        for part in parts:
            exchange.send(part)
        exchange.send("data: [DONE]\n\n")
        exchange.end_stream()

    return answer


def says(text: str, *, size: int = 7) -> Answer:
    """An answer in pieces."""
    pieces = [text[place : place + size] for place in range(0, len(text), size)]
    return chunks(*(chunk({"content": piece}) for piece in pieces), chunk({}, "stop"))


def call_delta(
    arguments: str, name: str = "", *, index: int | None = 0, call_id: str = ""
) -> dict[str, Any]:
    function = {"arguments": arguments} | ({"name": name} if name else {})
    call: dict[str, Any] = {"function": function}
    call |= {"id": call_id, "type": "function"} if call_id else {}
    call |= {"index": index} if index is not None else {}
    return {"tool_calls": [call]}


def calls(*made: tuple[str, dict[str, Any] | str]) -> Answer:
    """Tool calls, with arguments in pieces; a text stands for arguments as they are."""
    parts: list[str] = []
    for index, (name, arguments) in enumerate(made):
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        parts.append(chunk(call_delta("", name, index=index, call_id=f"call_{index}_{name}")))
        size = max(5, len(text) // 100)
        parts += [
            chunk(call_delta(text[place : place + size], index=index))
            for place in range(0, len(text), size)
        ]
    return chunks(*parts, chunk({}, "tool_calls"))


def status(code: int, message: str = "", *, error_code: str = "", **headers: str) -> Answer:
    """An error, as the API has it."""
    body = json.dumps({"error": {"message": message, "code": error_code, "type": "error"}})

    def answer(exchange: Exchange) -> None:
        exchange.answer(code, body.encode(), Content_Type="application/json", **headers)

    return answer


def raw(code: int, body: str, content_type: str = "text/html") -> Answer:
    return lambda exchange: exchange.answer(code, body.encode(), Content_Type=content_type)


def breaks_off(*parts: str) -> Answer:
    """A stream whose connection is gone in the middle."""

    def answer(exchange: Exchange) -> None:
        exchange.begin_stream()
        for part in parts:
            exchange.send(part)
        exchange.connection.close()

    return answer


def hangs_after(parts: Sequence[str], until: threading.Event) -> Answer:
    """A stream that falls silent until `until` is set."""

    def answer(exchange: Exchange) -> None:
        exchange.begin_stream()
        for part in parts:
            exchange.send(part)
        until.wait(30)

    return answer
