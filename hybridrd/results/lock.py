"""File locks: one program at a time writes a store, checkpoints, or blocks of replicas."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hybridrd.errors import ResultError

if sys.platform != "win32":
    import fcntl


@contextmanager
def locked(path: Path | None, what: str = "") -> Iterator[None]:
    """Hold the lock of a path while a block runs; other programs and threads are excluded.

    The lock is a file ``.NAME.lock`` in the same directory, removed at the end. The operating
    system holds it: the file that a killed program leaves behind locks nothing. On Windows, and on
    file systems without locks, other programs are not excluded.

    Parameters
    ----------
    path
        The path, which need not exist; None for no lock.
    what
        Part of the name of the lock, if it protects something other than the path itself.

    Raises
    ------
    ResultError
        If another process holds it (the message says which, and on which machine), or there is no
        directory for it.
    """
    if path is None:
        yield
        return
    if not path.parent.is_dir():
        raise ResultError(f"{path}: there is no directory {path.parent}; create it first")
    name = path.with_name(f".{path.name}{what}.lock")
    file = _taken(path, name)
    try:
        yield
    finally:
        # Removed while it is held: a process that opened it before notices that the file is gone.
        name.unlink(missing_ok=True)
        os.close(file)


def _taken(path: Path, name: Path) -> int:
    """Open the file of a lock and take the lock."""
    while True:
        try:
            file = os.open(name, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise ResultError(f"{path}: cannot be written: {error}") from error
        if not _held(file):
            holder = os.read(file, 200).decode(errors="replace").strip()
            os.close(file)
            raise ResultError(
                f"{path}: is being written by another run{f' ({holder})' if holder else ''}; wait "
                f"until it ends, or choose another name"
            )
        try:
            same = os.path.samestat(os.fstat(file), os.stat(name))
        except FileNotFoundError:
            same = False
        if same:
            with suppress(OSError):  # only for the message: a full disk is reported elsewhere
                os.ftruncate(file, 0)
                os.write(file, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
            return file
        os.close(file)  # the holder has just removed it


def _held(file: int) -> bool:
    """Lock an open file; returns whether this succeeded."""
    if sys.platform == "win32":
        return True
    try:
        # The lock belongs to the open file, not the process: two threads exclude each other, too.
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # a file system without locks
        return True
    return True
