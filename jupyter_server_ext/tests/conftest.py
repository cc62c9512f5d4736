"""The fixtures of this folder."""

from lab import tell

__all__ = ["tell"]
