"""Who runs this process."""

import os
import pwd

__all__ = ["local_user"]


def local_user() -> str:
    """Who runs this process, by the operating system: anybody can set a variable to a name."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except (KeyError, OSError):
        return "local"
