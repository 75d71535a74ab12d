"""ValueRules: what the settings say about values of arguments. Frozen data, no decisions."""

from dataclasses import dataclass

__all__ = ["NO_RULES", "NO_SCRIPT", "ValueRules"]


@dataclass(frozen=True, slots=True)
class ValueRules:
    """What values may be beyond what their kind says.

    Attributes:
        url_schemes: Schemes that a URL may have.
        url_hosts: Patterns of hosts that a URL may name, lower case; empty: every host. One that
            is written out may be named also if it is local.
        loopback: Whether a URL may point at the machine itself.
        link_local: Whether a URL may point at link-local and metadata addresses.
        path_roots: Folders below which a path must be; empty: anywhere.
        host_selectors: Node selectors that may be given in place of a host.
        pasted: Whether the source pastes values into scripts as text, as Ops does. Text may then
            not hold what ends or expands within double quotes.
        in_script: Whether the value gets to a script at all. Words to search for do not, so that
            text may hold anything.
    """

    url_schemes: tuple[str, ...] = ("http", "https")
    url_hosts: tuple[str, ...] = ()
    loopback: bool = False
    link_local: bool = False
    path_roots: tuple[str, ...] = ()
    host_selectors: tuple[str, ...] = ()
    pasted: bool = True
    in_script: bool = True


NO_RULES = ValueRules()
"""The rules where the settings say nothing: any public host, any path, nothing local."""

NO_SCRIPT = ValueRules(pasted=False, in_script=False)
"""The rules for values that never come near a script, such as words to search for."""
