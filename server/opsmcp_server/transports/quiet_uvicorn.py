"""Uvicorn as it is used here: bounded connections, no lines of its own, and no signal handlers."""

from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal, cast

import uvicorn
from starlette.types import ASGIApp

from opsmcp_server.transports.connections import ACCEPTED_AT_ONCE, BoundedConnection, Places

__all__ = ["QuietServer", "uvicorn_config"]

_KEEP_ALIVE_SECONDS = 75
"""How long an idle connection stays open: longer than clients keep theirs (5 to 60 seconds), since
a request on a connection that is just being closed is lost."""


def uvicorn_config(
    app: ASGIApp, places: Places, *, lifespan: Literal["auto", "off"] = "auto"
) -> uvicorn.Config:
    """How to serve `app` to so many at once; `lifespan`: whether it is told of its beginning."""
    return uvicorn.Config(
        app,
        # A type or what makes one: uvicorn only calls it.
        http=cast("Any", partial(BoundedConnection, places)),
        lifespan=lifespan,
        log_config=None,
        access_log=False,
        server_header=False,
        # Uvicorn would believe every process of this machine that says for whom it asks.
        proxy_headers=False,
        backlog=ACCEPTED_AT_ONCE,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )


class QuietServer(uvicorn.Server):
    """Uvicorn, leaving signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none."""
        yield
