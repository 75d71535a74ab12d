"""What can go wrong before opsmcp serves.

* ConfigError    the settings cannot work; says which key, where it came from and what to do
"""

__all__ = ["ConfigError"]


class ConfigError(Exception):
    """A setting that stops the start."""
