"""One fake Ops server for all tests of this folder."""

from tests.fakes.conftest import anyio_backend, ops, running_ops

__all__ = ["anyio_backend", "ops", "running_ops"]
