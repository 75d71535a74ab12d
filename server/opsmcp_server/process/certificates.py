"""The certificates of this machine, which servers that are asked over https are checked against."""

import ssl
from functools import cache

import httpx2
from anyio import to_thread

__all__ = ["trusted_certificates"]


async def trusted_certificates() -> ssl.SSLContext:
    """What to check against. Reading it takes longer than a loop should wait: once, in a thread."""
    return await to_thread.run_sync(_read)


@cache
def _read() -> ssl.SSLContext:
    return httpx2.create_ssl_context()
