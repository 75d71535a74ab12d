"""Which addresses a URL may point at: none that mean the machine itself or its cloud's metadata.

The latter no other value may be, either: a script can make a URL of it.

Pure. A host may be written in every way that programs take: decimal, hexadecimal, octal, with fewer
parts (inet_aton), IPv6 with an IPv4 inside, with a trailing dot. Names are resolved elsewhere
(`opsmcp_server.resolving`); what they resolve to is judged here. Sources: RFC 6890, RFC 6761,
RFC 6052, RFC 2765, and the clouds' documentation of their metadata services.
"""

import re
from fnmatch import fnmatchcase
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address, ip_network

from opsmcp_tools.model.value_rules import ValueRules
from opsmcp_tools.phrases import argument as words
from opsmcp_tools.phrases.phrase import Said

__all__ = ["judge_address", "judge_bare", "judge_host", "literal_address", "meanings_of"]

Address = IPv4Address | IPv6Address

_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "instance-data"})
_LOCAL_NAMES = ("localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback")
_METADATA = frozenset(
    {
        ip_address("169.254.169.254"),
        ip_address("169.254.170.2"),  # AWS, of one container
        ip_address("169.254.170.23"),  # AWS, of one pod
        ip_address("100.100.100.200"),  # Alibaba Cloud
        ip_address("168.63.129.16"),  # Azure
        ip_address("192.0.0.192"),  # Oracle Cloud
        ip_address("fd00:ec2::254"),  # AWS
        ip_address("fd00:ec2::23"),
        ip_address("fd20:ce::254"),  # Google Cloud
    }
)
_EMBEDDING = (
    (ip_network("::ffff:0:0/96"), 0),
    (ip_network("::ffff:0:0:0/96"), 0),
    (ip_network("::/96"), 0),
    (ip_network("64:ff9b::/96"), 0),
    (ip_network("64:ff9b:1::/48"), 0),
    (ip_network("2002::/16"), 80),
)
"""IPv6 networks with an IPv4 address inside, and how far it stands from the end, in bits."""

_NUMBER = re.compile(r"0[xX][0-9a-fA-F]{0,16}|[0-9]{1,20}")


def judge_host(host: str, rules: ValueRules) -> Said | None:
    """Why a URL must not name this host; None when it may, as far as can be seen."""
    plain = host.lower().rstrip(".")
    if plain in rules.url_hosts:
        return None
    if rules.url_hosts and not any(fnmatchcase(plain, one) for one in rules.url_hosts):
        return words.WRONG_HOST(", ".join(rules.url_hosts[:10]))
    if plain in _METADATA_NAMES and not rules.link_local:
        return words.FORBIDDEN_HOST(words.METADATA())
    if plain.endswith(".localhost") or plain in _LOCAL_NAMES:
        return None if rules.loopback else words.FORBIDDEN_HOST(words.MACHINE_ITSELF())
    try:
        address = literal_address(plain)
    except ValueError:
        return words.NO_ADDRESS()
    return judge_address(address, rules) if address else None


def judge_bare(host: str, rules: ValueRules) -> Said | None:
    """Why no value that is no URL must name this host; None when it may.

    Only what can hardly mean anything else: `metadata` alone is a word, and a link-local address
    may be a cluster's DNS.
    """
    plain = host.lower().rstrip(".")
    if rules.link_local or plain in rules.url_hosts:
        return None
    try:
        address = literal_address(plain)
    except ValueError:
        return None
    meant = address is not None and not _METADATA.isdisjoint(meanings_of(address))
    return words.METADATA_ADDRESS() if meant or plain == "metadata.google.internal" else None


def judge_address(address: Address, rules: ValueRules) -> Said | None:
    """Why nothing must be asked of this address; None when it may be."""
    for one in meanings_of(address):
        if (one in _METADATA or one.is_link_local) and not rules.link_local:
            return words.FORBIDDEN_HOST(words.LINK_LOCAL())
        local = one.is_loopback or one.is_unspecified or (one.version == 4 and int(one) < 1 << 24)
        if local and not rules.loopback:
            return words.FORBIDDEN_HOST(words.MACHINE_ITSELF())
        if one.is_multicast:
            return words.MULTICAST()
    return None


def literal_address(host: str) -> Address | None:
    """The address that `host` spells, as inet_aton and browsers read it; None for a name.

    Raises:
        ValueError: It is made of numbers and means nothing, or not the same to everybody.
    """
    if ":" in host:
        return IPv6Address(host)
    parts = host.split(".")
    if not _NUMBER.fullmatch(parts[-1]):
        return None  # A name: its last label is no number (WHATWG URL, "ends in a number").
    if len(parts) > 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        raise AddressValueError(host)
    *heads, last = (_number(part) for part in parts)
    if any(head > 255 for head in heads) or last >= 256 ** (4 - len(heads)):
        raise AddressValueError(host)
    return IPv4Address(sum(head << (24 - 8 * place) for place, head in enumerate(heads)) + last)


def _number(part: str) -> int:
    if part[:2].lower() == "0x":
        return int(part[2:] or "0", 16)
    return int(part, 8) if part.startswith("0") and len(part) > 1 else int(part)


def meanings_of(address: Address) -> tuple[Address, ...]:
    """The address, and the IPv4 addresses that it stands for if it is one of IPv6."""
    if address.version == 4:
        return (address,)
    number = int(address)
    found = [
        IPv4Address(number >> shift & 0xFFFFFFFF)
        for network, shift in _EMBEDDING
        if address in network and number > 1
    ]
    if address.teredo is not None:
        found.append(address.teredo[1])
    return (address, *found)
