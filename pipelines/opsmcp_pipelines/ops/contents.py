"""The operations and the inventory of an Ops server, read as a whole."""

import logging
from collections.abc import Callable
from typing import TypeVar, cast

from opsmcp_pipelines.catalogue import Contents, Problem
from opsmcp_pipelines.models import Cluster, OperationKind
from opsmcp_pipelines.ops import wire
from opsmcp_pipelines.ops.client import OpsClient
from opsmcp_pipelines.ops.fields import Fields
from opsmcp_pipelines.ops.listing import Listing, Named, read_listing

__all__ = ["ContentsReader"]

T = TypeVar("T", bound=Named)
_Listings = dict[tuple[str, str], Listing[Named]]

_log = logging.getLogger(__name__)


class ContentsReader:
    """Reads all of some namespaces, and knows what it read the last time."""

    def __init__(self, client: OpsClient, namespaces: tuple[str, ...]) -> None:
        """Read nothing yet."""
        self._client = client
        self._namespaces = namespaces
        self._listings: _Listings = {}
        self._contents: Contents | None = None

    async def read(self) -> Contents:
        """Read all operations and the inventory of all namespaces.

        Returns:
            The very same object as the last time when nothing changed.
        """
        fresh: _Listings = {}
        pipelines = await self._read_all("pipelines", wire.parse_pipeline, fresh)
        tasks = await self._read_all("tasks", wire.parse_task, fresh)
        clusters = await self._read_all("clusters", wire.parse_cluster, fresh)
        hosts = await self._read_all("hosts", wire.parse_host, fresh)
        if self._contents is not None and self._unchanged(fresh):
            return self._contents
        contents = Contents(
            pipelines=pipelines.good,
            tasks=tasks.good,
            clusters=_first_of_each_name(clusters.good),
            hosts=hosts.good,
            problems=(
                *_problems(pipelines.broken, OperationKind.PIPELINE),
                *_problems(tasks.broken, OperationKind.TASK),
            ),
        )
        # Only now, after all of it could be read, may the next reading compare with this one.
        self._listings = fresh
        # Heartbeats change the bytes every few minutes and mean nothing here.
        if self._contents is None or contents != self._contents:
            _warn_of_broken("cluster", clusters.broken)
            _warn_of_broken("host", hosts.broken)
            self._contents = contents
            return contents
        return self._contents

    async def _read_all(
        self, kind: str, parse: Callable[[Fields, str], T], fresh: _Listings
    ) -> wire.Objects[T]:
        """The objects of one kind in all namespaces; puts the listings into `fresh`."""
        listings: list[Listing[T]] = []
        for namespace in self._namespaces:
            before = cast("Listing[T] | None", self._listings.get((namespace, kind)))
            listing = await read_listing(self._client, namespace, kind, parse, before)
            fresh[namespace, kind] = listing
            listings.append(listing)
        return wire.Objects(
            tuple(item for listing in listings for item in listing.objects.good),
            tuple(item for listing in listings for item in listing.objects.broken),
        )

    def _unchanged(self, fresh: _Listings) -> bool:
        return all(self._listings.get(key) is listing for key, listing in fresh.items())


def _first_of_each_name(clusters: tuple[Cluster, ...]) -> tuple[Cluster, ...]:
    by_name: dict[str, Cluster] = {}
    for cluster in clusters:
        by_name.setdefault(cluster.name, cluster)
    return tuple(by_name.values())


def _problems(broken: tuple[wire.Broken, ...], kind: OperationKind) -> tuple[Problem, ...]:
    return tuple(Problem(item.name, kind, item.reason, item.namespace) for item in broken)


def _warn_of_broken(kind: str, broken: tuple[wire.Broken, ...]) -> None:
    for item in broken:
        _log.warning("left out the %s %s/%s: %s", kind, item.namespace, item.name, item.reason)
