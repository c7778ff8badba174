"""What goes wrong with a backup, in words for the owner."""

from __future__ import annotations


class BackupError(Exception):
    """A backup, drill or restore cannot go on; the message is one line that says why and what to do."""


class SealBroken(BackupError):
    """A file at the target is not what this keep put there: damaged, cut short, swapped or forged."""


class MissingFile(BackupError):
    """The target has no file of this name."""
