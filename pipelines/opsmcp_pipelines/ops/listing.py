"""Listing: one whole list of the Ops server, read page by page and parsed only when it changed.

Pages are separate requests, so a list can change between two of them; such a reading is noticed and
thrown away. Of the raw answers only digests are kept, because those of hosts hold private keys.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from opsmcp_pipelines.errors import SourceProtocolError, SourceUnavailable
from opsmcp_pipelines.ops.client import OpsClient, Page, PageMark
from opsmcp_pipelines.ops.fields import Fields
from opsmcp_pipelines.ops.wire import Broken, Objects, parse_objects

__all__ = ["Listing", "Named", "read_listing"]


class Named(Protocol):
    """Anything with a name that is unique in its list."""

    @property
    def name(self) -> str:
        """The name."""
        ...


_REPEATED = "several have this name, and which of them is meant is not known"

T = TypeVar("T", bound=Named)
T_co = TypeVar("T_co", bound=Named, covariant=True)


@dataclass(frozen=True, slots=True)
class Listing(Generic[T_co]):
    """A list as it was read, and what stands for its raw pages."""

    marks: tuple[PageMark, ...]
    objects: Objects[T_co]


async def read_listing(
    client: OpsClient,
    namespace: str,
    kind: str,
    parse: Callable[[Fields, str], T],
    before: Listing[T] | None,
) -> Listing[T]:
    """Read a whole list.

    Returns:
        The very same `before` when no byte changed.

    Raises:
        SourceUnavailable: It changed while it was read, twice in a row.
        SourceProtocolError: It has more pages than the settings allow.
    """
    earlier: tuple[PageMark, ...] = ()
    for _attempt in range(2):
        pages = await _read_pages(client, namespace, kind, before.marks if before else ())
        marks = tuple(page.mark for page in pages)
        if before and marks == before.marks:
            return before
        items = [item for page in pages for item in page.objects()]
        objects = parse_objects(items, namespace, parse)
        # What is there twice, and was so a moment ago, did not move from one page to the other.
        repeated = _repeated(objects)
        if _adds_up(pages) and (marks == earlier or not repeated):
            return Listing(marks, _without(repeated, objects, namespace))
        earlier = marks
    raise SourceUnavailable(
        f"could not list the {kind} in {namespace!r}: the list of {client.label} does not add up, "
        "perhaps because it kept changing while it was read; try again later"
    )


async def _read_pages(
    client: OpsClient, namespace: str, kind: str, marks: Sequence[PageMark]
) -> list[Page]:
    """Pages until as many objects came as there should be, or none came."""
    known = {mark.digest: mark for mark in marks}
    size, most = client.settings.page_size, client.settings.max_pages
    pages: list[Page] = []
    came = 0
    for number in range(1, most + 1):
        page = await client.page(namespace, kind, number, size=size, known=known)
        pages.append(page)
        came += page.mark.count
        if not page.mark.count or came >= page.mark.total:
            return pages
    raise SourceProtocolError(
        f"could not list the {kind} in {namespace!r}: {client.label} has more than {came} of them, "
        "too many to read"
    )


def _adds_up(pages: Sequence[Page]) -> bool:
    """Whether the pages are of one and the same list, as far as its length tells."""
    return {page.mark.total for page in pages} == {sum(page.mark.count for page in pages)}


def _repeated(objects: Objects[T]) -> dict[str, int]:
    """The names that several objects have, each with their number."""
    counted = Counter(item.name for item in objects.good)
    return {name: count for name, count in counted.items() if count > 1}


def _without(names: Collection[str], objects: Objects[T], namespace: str) -> Objects[T]:
    """The objects without those of the names that several have."""
    good = tuple(item for item in objects.good if item.name not in names)
    broken = tuple(Broken(name, namespace, _REPEATED) for name in names)
    return Objects(good, (*objects.broken, *broken))
