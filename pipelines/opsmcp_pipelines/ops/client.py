"""The HTTP exchange with an Ops server: one connection pool, bounded in time, size and pages.

Knows paths and lists, but not what the objects in them mean (`wire` does) and nothing of catalogues
or runs (`source` does). Every failure is one of `opsmcp_pipelines.errors`. Proxies and certificate
authorities are taken from the usual variables (HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE) by httpx2.
"""

import json
import re
import ssl
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, Self, cast

import anyio
import httpx2

from opsmcp_pipelines.errors import SourceProtocolError, SourceRefused, SourceUnavailable
from opsmcp_pipelines.ops.answer import Answer, NotReceived, RequestInfo, read_answer
from opsmcp_pipelines.ops.settings import OpsSettings, parse_server
from opsmcp_pipelines.source_request import Observe, SourceRequest, unobserved

__all__ = ["OpsClient", "Page", "PageMark", "Polled"]

_NO_PARAMS: Mapping[str, str] = MappingProxyType({})
_JSON = MappingProxyType({"Content-Type": "application/json"})
_KUBERNETES_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")

_MOST_NODES = 1_000

_LONG_POLLS = 8
"""How many wait at the same time, on connections of their own."""

_GRACE_SECONDS = 10.0
"""How long a long poll may take beyond what it waits on purpose."""

# After any of these the request cannot have been acted upon.
_NOT_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.UnsupportedProtocol,
)


@dataclass(frozen=True, slots=True)
class PageMark:
    """What stands for a page: equal marks mean equal bytes. `total` counts all pages' objects."""

    digest: bytes
    count: int
    total: int


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list. One that was known before is parsed only when its objects are asked for."""

    mark: PageMark
    answer: Answer = field(repr=False)
    request: RequestInfo = field(repr=False)
    parsed: tuple[object, ...] | None = field(default=None, repr=False)

    def objects(self) -> tuple[object, ...]:
        """Its objects as they came."""
        return _read_list(self.answer, self.request)[0] if self.parsed is None else self.parsed


@dataclass(frozen=True, slots=True)
class Polled:
    """The answer to a long poll, and how long it took."""

    answer: Answer = field(repr=False)
    seconds: float


@dataclass(frozen=True, slots=True)
class _Way:
    """A pool of connections, and what may happen on it.

    How long the server may be silent, an exchange may take, and an answer may be.
    """

    http: httpx2.AsyncClient
    read_seconds: float
    total_seconds: float
    most_bytes: int


class OpsClient:
    """Requests to one Ops server. Made by `OpsClient.open`."""

    def __init__(
        self,
        settings: OpsSettings,
        http: httpx2.AsyncClient,
        polls: httpx2.AsyncClient,
        observe: Observe = unobserved,
    ) -> None:
        """Use open HTTP clients, which stay the caller's to close; `polls` is for long polls."""
        self.settings = settings
        self._observe = observe
        self._polls = polls
        self._way = _Way(
            http, settings.read_seconds, settings.total_seconds, settings.max_body_bytes
        )
        self._long_polls = anyio.CapacityLimiter(_LONG_POLLS)
        self.label = f"the Ops server at {parse_server(settings.server)}"

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: OpsSettings, observe: Observe = unobserved
    ) -> AsyncGenerator[Self]:
        """Open the connection pool; no request is sent yet. `observe` is told of each, in the end.

        Raises:
            ValueError: The address cannot be one of an Ops server.
        """
        verification = _verification(settings.server)
        async with (
            _http_client(settings, verification, settings.connections) as http,
            _http_client(settings, verification, _LONG_POLLS) as polls,
        ):
            yield cls(settings, http, polls, observe)

    async def get(self, namespace: str, kind: str, name: str) -> object:
        """One object, for example of kind `pipelineruns`.

        Raises:
            NotFound: It does not exist.
        """
        request = self._asked(f"read {name!r} of the {kind} in {namespace!r}")
        path = f"{_collection(namespace, kind, request)}/{_segment(name, request)}"
        return read_answer(await self._exchange("GET", path, request), request)

    async def post(
        self, namespace: str, kind: str, body: Mapping[str, Any], *, what: str
    ) -> object:
        """Create an object, with a single request. `what` says it in messages: `start X`.

        Raises:
            NotReceived: Certainly nothing was created.
            SourceRefused: Certainly nothing was created, and repeating it changes nothing.
            SourceUnavailable: It is not known whether something was created.
            SourceProtocolError: It is not known whether something was created.
        """
        request = RequestInfo(
            what, self.label, "look for what it may have made before repeating it"
        )
        path = _collection(namespace, kind, request)
        # Pure ASCII, so that no text of a caller can fail to be encoded.
        content = json.dumps(dict(body)).encode("ascii")
        return read_answer(await self._exchange("POST", path, request, content=content), request)

    async def page(
        self,
        namespace: str,
        kind: str,
        number: int,
        *,
        size: int,
        search: str = "",
        known: Mapping[bytes, PageMark] = MappingProxyType({}),
    ) -> Page:
        """One page of a list, in the server's order.

        Args:
            namespace: The namespace of the objects.
            kind: For example `pipelines`.
            number: Which page, from 1. One beyond the end has no objects.
            size: Objects per page.
            search: Narrows the list, as Ops does it: a substring of name and description.
            known: Pages of an earlier reading by digest, which are not parsed when they come again.
        """
        request = self._asked(f"list the {kind} in {namespace!r}")
        params = {"page_size": str(size), "page": str(number)}
        if search:
            params["search"] = search
        path = _collection(namespace, kind, request)
        return _read_page(await self._exchange("GET", path, request, params=params), request, known)

    async def nodes(self, namespace: str, cluster: str) -> tuple[object, ...]:
        """The nodes of a cluster as they came, the first thousand."""
        request = self._asked(f"list the nodes of the cluster {cluster!r}")
        path = f"{_collection(namespace, 'clusters', request)}/{_segment(cluster, request)}/nodes"
        params = {"page_size": str(_MOST_NODES), "page": "1"}
        return _read_page(
            await self._exchange("GET", path, request, params=params), request, {}
        ).objects()

    async def long_poll(
        self,
        path: str,
        params: Mapping[str, str],
        request: RequestInfo,
        *,
        wait_seconds: float,
        most_bytes: int,
    ) -> Polled:
        """A request that the server may leave unanswered for `wait_seconds` on purpose."""
        silence = wait_seconds + _GRACE_SECONDS
        way = _Way(self._polls, silence, silence + _GRACE_SECONDS, most_bytes)
        async with self._long_polls:
            began = anyio.current_time()
            answer = await self._exchange("GET", path, request, params=params, way=way)
            return Polled(answer, anyio.current_time() - began)

    def _asked(self, what: str) -> RequestInfo:
        return RequestInfo(what, self.label)

    async def _exchange(
        self,
        method: str,
        path: str,
        request: RequestInfo,
        *,
        params: Mapping[str, str] = _NO_PARAMS,
        content: bytes | None = None,
        way: _Way | None = None,
    ) -> Answer:
        began_ns, began, status = time.time_ns(), time.monotonic(), None
        way = way or self._way
        connect, read = self.settings.connect_seconds, way.read_seconds
        timeout = httpx2.Timeout(connect=connect, read=read, write=read, pool=connect)
        try:
            with anyio.fail_after(way.total_seconds):
                async with way.http.stream(
                    method, path, params=params, content=content, headers=_JSON, timeout=timeout
                ) as response:
                    answer = await self._receive(response, request, way.most_bytes)
                    status = answer.status
                    return answer
        except (TimeoutError, httpx2.RequestError) as error:
            raise self._unavailable(error, request, way) from error
        finally:
            if way is self._way:  # a long poll waits, which says nothing of the server
                seconds = time.monotonic() - began
                self._observe(SourceRequest(method, status, began_ns, seconds))

    async def _receive(
        self, response: httpx2.Response, request: RequestInfo, most_bytes: int
    ) -> Answer:
        """Read the body, and stop reading when it is longer than allowed."""
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > most_bytes:
                said = f"answered with more than {most_bytes} bytes"
                raise SourceProtocolError(request.failed(said))
        content_type = response.headers.get("content-type", "").lower()
        date = response.headers.get("date", "")
        return Answer(response.status_code, content_type, bytes(body), date)

    def _unavailable(self, error: Exception, request: RequestInfo, way: _Way) -> SourceUnavailable:
        settings = self.settings
        match error:
            case httpx2.ConnectTimeout():
                how = f"did not accept a connection within {settings.connect_seconds:g} s"
            case httpx2.PoolTimeout():
                how = f"is busy: all {settings.connections} connections to it are in use"
            case httpx2.ConnectError():
                how = "cannot be reached; check the address (ops.server) and that it runs"
            case httpx2.ReadTimeout():
                how = f"was silent for {way.read_seconds:g} s"
            case TimeoutError() | httpx2.TimeoutException():
                how = f"did not finish within {way.total_seconds:g} s"
            case _:
                how = "broke the connection"
        if isinstance(error, _NOT_SENT):
            return NotReceived(request.failed(f"{how}; try again later"))
        return SourceUnavailable(request.in_doubt(how))


def _http_client(
    settings: OpsSettings, verification: ssl.SSLContext | bool, connections: int
) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        base_url=f"{parse_server(settings.server)}/api/v1/",
        headers={"Authorization": f"Bearer {settings.token}"} if settings.token else {},
        # Short-lived, because a start on a connection that a proxy just closed is in doubt.
        limits=httpx2.Limits(
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=15.0,
        ),
        follow_redirects=False,
        verify=verification,
    )


def _verification(server: str) -> ssl.SSLContext | bool:
    # Loading certificate authorities costs a tenth of a second at each start: not for plain HTTP.
    plain = parse_server(server).startswith("http:")
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else True


def _collection(namespace: str, kind: str, request: RequestInfo) -> str:
    return f"namespaces/{_segment(namespace, request)}/{kind}"


def _segment(name: str, request: RequestInfo) -> str:
    """A name as part of a path. Anything but a Kubernetes name could lead to another path."""
    if not _KUBERNETES_NAME.fullmatch(name):
        raise SourceRefused(f"could not {request.what}: this is not a name that Kubernetes allows")
    return name


def _read_page(answer: Answer, request: RequestInfo, known: Mapping[bytes, PageMark]) -> Page:
    digest = blake2b(answer.body, digest_size=16).digest()
    if digest in known:
        return Page(known[digest], answer, request)
    objects, total = _read_list(answer, request)
    return Page(PageMark(digest, len(objects), total), answer, request, objects)


def _read_list(answer: Answer, request: RequestInfo) -> tuple[tuple[object, ...], int]:
    """The objects of a page, and how many there are on all pages."""
    data = read_answer(answer, request)
    fields = cast("dict[str, object]", data) if isinstance(data, dict) else {}
    # Ops writes null for a list with nothing in it.
    objects, total = fields.get("list", False), fields.get("total")
    if not isinstance(objects, list | None) or type(total) is not int:
        raise SourceProtocolError(request.failed("answered with something else than a list"))
    return tuple(cast("list[object]", objects or [])), total
