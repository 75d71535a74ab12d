"""The routes of a fake Ops server: requests -> answers.

Mirrors pkg/server/router.go and api.go of Ops as far as they were measured.
"""

import base64
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.fakes.ops_state import KINDS, RUN_KINDS, Json, OpsState, Refusal

_KIND = "|".join([*KINDS, *RUN_KINDS])
_LIST = re.compile(rf"/api/v1/namespaces/([^/]+)/({_KIND})")
_ONE = re.compile(rf"/api/v1/namespaces/([^/]+)/({_KIND})/([^/]+)")

_EVENTS = re.compile(r"/api/v1/events/([^/]+)")
_EVENT = re.compile(r"/api/v1/namespaces/([^/]+)/events/([^/]+)")

_SEARCHED: dict[str, tuple[str, ...]] = {
    "pipelines": ("metadata.name", "spec.desc"),
    "tasks": ("metadata.name", "spec.desc"),
    "pipelineruns": ("metadata.name", "spec.pipelineRef", "status.runStatus"),
    "taskruns": ("metadata.name", "spec.taskRef", "status.runStatus"),
    "hosts": ("metadata.name", "spec.address", "status.hostname"),
    "clusters": ("metadata.name", "spec.server", "spec.desc"),
}

_PAGE = "<!DOCTYPE html>\n<html><head><title>Ops Server</title></head><body></body></html>\n"
_JSON = "application/json; charset=utf-8"


def empty() -> Response:
    return Response(b"")


def panic() -> Response:
    return Response(b"", status_code=500)


def web_page() -> Response:
    return Response(_PAGE, headers={"content-type": "text/html; charset=utf-8"})


def refused(message: str) -> Response:
    return _json({"code": -1, "message": message})


def body_of(raw: bytes) -> Any:
    """The JSON of a request, or its text when it is none."""
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return raw.decode(errors="replace")


async def answer(request: Request, state: OpsState, token: str) -> Response:
    """What Ops answers when nothing is wrong with it."""
    path = request.scope["raw_path"].decode("ascii")
    if request.method == "GET" and (found := _EVENTS.fullmatch(path)):
        return await _events(request, state, unquote(found[1]))
    if request.method == "POST" and (found := _EVENT.fullmatch(path)):
        return _publish(state, found[1], unquote(found[2]), await request.body())
    if path in ("/healthz", "/readyz"):
        return Response('"OK"', headers={"content-type": _JSON})
    if path.endswith("/") and _LIST.fullmatch(path[:-1]):
        return _moved(path[:-1])
    handler = _find_handler(request.method, path, state, await request.body())
    if handler is None:
        return web_page()
    if not _authorized(request, token):
        return _json({"code": -1, "message": "not authorized, invalid token"}, 401)
    try:
        return handler(request)
    except Refusal as refusal:
        return refused(str(refusal))


def _find_handler(
    method: str, path: str, state: OpsState, body: bytes
) -> Callable[[Request], Response] | None:
    if method == "GET" and path == "/api/v1/login/check":
        return lambda _request: _json({"code": 0, "message": "success"})
    if method == "GET" and path == "/api/v1/namespaces":
        return lambda _request: _good(["default", "kube-public", "kube-system", "ops-system"])
    if method == "GET" and (found := _LIST.fullmatch(path)):
        return lambda request: _list(request, state, found[1], found[2])
    if method == "POST" and (found := _LIST.fullmatch(path)) and found[2] in RUN_KINDS:
        return lambda _request: _create(state, found[1], found[2], body)
    # An encoded slash makes it another path, which nobody knows.
    if method == "GET" and (found := _ONE.fullmatch(path)) and "%2F" not in path:
        return lambda _request: _good(state.find(found[2], found[1], unquote(found[3])))
    return None


async def _events(request: Request, state: OpsState, pattern: str) -> Response:
    """Events are for everybody, without a token."""
    asked = request.query_params
    # The default lies so far in the future that the question fails, which looks like no events.
    start = int(asked.get("start_time", -1)) // 1000
    size, page = int(asked.get("page_size", 10)), int(asked.get("page", 1))
    most, seconds = int(asked.get("max_length", 1000)), int(asked.get("timeout", 10))
    try:
        found = await state.events.query(pattern, start, most, seconds)
    except LookupError as error:
        return refused(str(error))
    entries = [
        {
            "subject": one.subject,
            "event": one.event,
            "time": f"{datetime.fromtimestamp(one.arrived, UTC):%Y-%m-%d %H:%M:%S}",
        }
        for one in found
    ]
    cut = entries[(page - 1) * size : page * size] if page else []
    return _good({"page_size": size, "page": page, "list": cut or None, "total": len(entries)})


def _publish(state: OpsState, namespace: str, name: str, body: bytes) -> Response:
    """Says success before anything was published, and also when nothing is."""
    try:
        data = json.loads(body)
    except ValueError:
        wrong = chr(body[1])
        return refused(f"invalid character '{wrong}' in literal null (expecting 'u')")
    kind = data["type"] if isinstance(data.get("type"), str) else "Default"
    subject = f"ops.clusters.default.namespaces.{namespace}.{name}"
    state.events.publish(name if name.startswith("ops.") else subject, kind, data)
    return _json({"code": 0, "message": "success"})


def _authorized(request: Request, token: str) -> bool:
    basic = base64.b64encode(f"any:{token}".encode()).decode()
    return (
        request.headers.get("authorization") in (f"Bearer {token}", f"Basic {basic}")
        or request.cookies.get("opstoken") == token
        or request.query_params.get("opstoken") == token
    )


def _create(state: OpsState, namespace: str, kind: str, body: bytes) -> Response:
    if not body:
        raise Refusal("EOF")
    try:
        fields = json.loads(body)
    except ValueError:
        wrong = chr(body[1]) if body.startswith(b"{") else chr(body[0])
        what = "object key string" if body.startswith(b"{") else "value"
        raise Refusal(f"invalid character '{wrong}' looking for beginning of {what}") from None
    # Go makes half a surrogate pair a replacement character.
    text = re.sub(r"[\ud800-\udfff]", "\ufffd", json.dumps(fields, ensure_ascii=False))
    return _good(state.create_run(kind, namespace, json.loads(text), len(body)))


def _list(request: Request, state: OpsState, namespace: str, kind: str) -> Response:
    try:
        page, size = _number(request, "page", "1"), _number(request, "page_size", "10")
        items = state.listed(kind, namespace)
        if kind == "pipelines":
            items = _selected(items, request.query_params.get("labels_selector", ""))
    except Refusal:
        # Only the list of pipelines is silent about its errors.
        if kind == "pipelines":
            return empty()
        raise
    if size == 0:
        return panic()
    search = request.query_params.get("search", "")
    items = [item for item in items if _matches(item, kind, search)]
    cut = items[(page - 1) * size : page * size] if page else []
    return _good({"page_size": size, "page": page, "list": cut or None, "total": len(items)})


def _number(request: Request, name: str, default: str) -> int:
    text = request.query_params.get(name, default)
    if not re.fullmatch(r"[0-9]+", text):
        raise Refusal(f'strconv.ParseUint: parsing "{text}": invalid syntax')
    return int(text)


def _selected(items: list[Json], selector: str) -> list[Json]:
    # A part that is not of the form k=v is dropped without a word; k!=v happens to be one.
    parts = [part.split("=") for part in selector.split(",") if part.count("=") == 1]
    for key, value in parts:
        if not re.fullmatch(r"[A-Za-z0-9._-]*", value):
            raise Refusal("unable to parse requirement")
        name, wanted = key.removesuffix("!"), not key.endswith("!")
        items = [it for it in items if (_labels(it).get(name) == value) is wanted]
    return items


def _labels(item: Json) -> dict[str, str]:
    return item["metadata"].get("labels", {})


def _matches(item: Json, kind: str, search: str) -> bool:
    texts = (_at(item, path) for path in _SEARCHED[kind])
    return not search or any(_fold(search) in _fold(text) for text in texts)


def _at(item: Json, path: str) -> str:
    part, key = path.split(".")
    return item.get(part, {}).get(key, "")


@lru_cache(10_000)
def _fold(text: str) -> str:
    return re.sub(r"[._]", "-", text.lower())


def _moved(path: str) -> Response:
    page = f'<a href="{path}">Moved Permanently</a>.\n\n'
    headers = {"content-type": "text/html; charset=utf-8", "location": path}
    return Response(page, status_code=301, headers=headers)


def _good(data: object) -> Response:
    return _json({"code": 0, "data": data, "message": "success"})


def _json(body: Json, status: int = 200) -> Response:
    return JSONResponse(body, status_code=status, headers={"content-type": _JSON})
