"""What a child process writes to its descriptors 1 and 2, past Python: C code, `os.write`, programs that it starts."""

from __future__ import annotations

import codecs
import fcntl
import os
import selectors
import struct
import termios
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from contextvars import Context

from runlog.capture.streams import line_recorder

_CHUNK = 65_536
_SETTLE = 1.0
NUMBERS = {"stdout": 1, "stderr": 2}


class Output(threading.Thread):
    """Reads two pipes as long as anybody holds their other ends, so that no writer ever waits for good. It passes
    everything on to this process's own descriptors, and records it by line while the attempt lasts.

    A pipe outlives the child: what it had written when it was killed is read.
    """

    def __init__(self, names: Iterable[str]) -> None:
        """For these streams, of which this process has a descriptor of its own."""
        super().__init__(name="runlog-output", daemon=True)
        self.context: Context | None = None
        """Where the lines belong; None: nowhere."""
        self.targets: dict[str, int] = {}
        """Copies of the own descriptors, for what Python writes there: it is recorded in the child."""
        self.ends: dict[str, int] = {}
        """What the child has as its descriptors instead."""
        self._readers: dict[int, tuple[int, codecs.IncrementalDecoder, Callable[[str], None]]] = {}
        self._reading = threading.Lock()
        for name in names:
            with suppress(OSError):  # it is closed here
                self.targets[name] = target = os.dup(NUMBERS[name])
                reader, self.ends[name] = os.pipe()
                decoder = codecs.getincrementaldecoder("utf-8")("replace")
                self._readers[reader] = target, decoder, line_recorder(name)

    def close_ends(self) -> None:
        """The child has its own."""
        while self.ends:
            os.close(self.ends.popitem()[1])

    def run(self) -> None:
        try:
            with selectors.DefaultSelector() as selector:
                for reader in self._readers:
                    selector.register(reader, selectors.EVENT_READ)
                while self._readers:
                    for key, _ in selector.select():
                        with self._reading:
                            if not self._read(key.fd):
                                selector.unregister(key.fd)
                                del self._readers[key.fd]
                                os.close(key.fd)
        finally:
            for target in self.targets.values():
                os.close(target)

    def _read(self, reader: int) -> bool:
        """False at the end."""
        data = os.read(reader, _CHUNK)
        target, decoder, record = self._readers[reader]
        context = self.context
        try:
            if context is not None:
                context.run(record, decoder.decode(data, final=not data))
            left = memoryview(data)
            while left:
                left = left[os.write(target, left) :]
        except OSError:  # nobody reads what is passed on
            pass
        except Exception:  # noqa: BLE001 - the child would wait for ever
            traceback.print_exc()
        return bool(data)

    def settle(self) -> None:
        """Wait until what was written so far is recorded: a second at most."""
        deadline = time.monotonic() + _SETTLE
        while time.monotonic() < deadline:
            if self._reading.acquire(timeout=_SETTLE):
                try:
                    if not any(_waiting(reader) for reader in self._readers):
                        return
                finally:
                    self._reading.release()
            time.sleep(0.002)


def _waiting(reader: int) -> int:
    """Bytes in a pipe."""
    count: int = struct.unpack("i", fcntl.ioctl(reader, termios.FIONREAD, b"\0" * 4))[0]
    return count
