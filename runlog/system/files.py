"""Files and folders that only their owner can read, whatever the umask."""

from __future__ import annotations

import os
from pathlib import Path


def private_directory(path: Path) -> Path:
    """Create `path` with mode 0700 (parents as usual) unless it is there; return it.

    Raises OSError if it cannot be created or is not a directory.
    """
    if not path.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.mkdir(mode=0o700)
            path.chmod(0o700)
        except FileExistsError:
            if not path.is_dir():
                raise
    return path


def private_file(path: Path, flags: int = os.O_RDWR) -> int:
    """Open `path`, created with mode 0600 if it is missing; return its descriptor.

    A symbolic link in the place of the file is refused with OSError.
    """
    flags |= os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(path, flags)
    os.fchmod(descriptor, 0o600)
    return descriptor
