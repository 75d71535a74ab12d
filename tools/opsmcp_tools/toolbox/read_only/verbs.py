"""Verbs of change, as authors and programs name what they do. Pure."""

import re

__all__ = ["ADDING", "is_changing"]

ADDING = re.compile(
    r"create|add|sync|preload|retag|tag|upload|download|copy|push|pull|collect|distribute|backup"
    r"|cordon|uncordon|label|annotate|install|transfer|start|enable|resume"
)
_DESTROYING = re.compile(
    r"delete|remove|clear|clean|cleanup|force|drain|kill|restart|reboot|stop|shutdown|evict|purge"
    r"|wipe|destroy|erase|prune|truncate|format|uninstall|reset|rollback|restore|terminate|reload"
    r"|set|update|patch|apply|scale|replace|disable|move|rename|rotate|upgrade|repair|write|send"
    r"|deploy|migrate|failover|promote|resize|suspend|pause|unmount|detach|flush|invalidate|renew"
    r"|revoke|unblock|fix|recover|rebuild|reindex|vacuum|recycle|bounce|unlock|requeue|rerun|retry"
)


def is_changing(word: str) -> bool:
    """Whether the word orders a change."""
    return bool(_DESTROYING.fullmatch(word) or ADDING.fullmatch(word))
