"""The programs that the fault tests start, kill and fork: `python -m tests.faults.programs NAME ROOT ...`."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import faulthandler
import itertools
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from opentelemetry import context
from opentelemetry.trace import StatusCode

from runlog import logger
from runlog.capture import install
from runlog.recording import RANK_ALWAYS, Recorder, get_recorder, mask, open_recorder
from runlog.system.patch import Patch
from runlog.tracing.scope import RUN_KEY, RunScope
from tests.recording.road import held_store, log, make_settings, recover_all, say, span
from tests.recording.secrets import SECRETS

MASKED = "masked canary 51"
ACK = 1  # the descriptor on which a program says what was accepted


def acknowledge(text: str) -> None:
    os.write(ACK, f"{text}\n".encode())


def opened(root: str, **arguments: object) -> Recorder:
    return open_recorder(make_settings(Path(root), **arguments))


def flood(root: str, name: str, most: str) -> None:
    """Log as fast as it goes, and say each record's name once it was accepted; then wait to be killed."""
    recorder = opened(root)
    for number in range(int(most)):
        if say(recorder, f"{name}-{number}"):
            acknowledge(f"{name}-{number}")
    while True:
        time.sleep(1)


def recovering(root: str) -> None:
    acknowledge("ready")
    report = recover_all(Path(root))
    acknowledge(f"recovered {report.records}")


def ending(root: str, how: str, number: str) -> None:
    """Log and end in one of the ways in which a process can end."""
    recorder = opened(root)
    recorder.flush()
    for index in range(int(number)):
        say(recorder, f"{how}-{index}")
    acknowledge("logged")
    ENDINGS[how]()


def planting(root: str) -> None:
    """Put every secret in every place, while nothing can be stored; then die, with all of it in the spool."""
    recorder = opened(root, limits={"value_length": 1024})
    with held_store(Path(root), recorder):
        install(recorder.settings, Patch())
        context.attach(context.set_value(RUN_KEY, RunScope("run_1", "task", 1)))
        for planted in SECRETS:
            _plant(planted.text)
        _plant(f"it is {mask(MASKED)} here")
        acknowledge("planted")
        os.kill(os.getpid(), signal.SIGKILL)


def _plant(text: str) -> None:
    filler = "lorem ipsum dolor sit amet " * 100
    logger.info(text, {"text": text, "nested": {"list": [text, {"bytes": text.encode()}]}, text: 1})
    for offset in (-3, len(text) // 2, len(text) + 3):
        head, tail = filler[: 512 - offset] + text + " " + filler, filler + " " + text + filler[: 512 + offset]
        logger.info(head, text=tail, nested=[{"text": head}])
    logging.getLogger("planted").warning("it %s", text, extra={"more": {"text": text}})
    print(text)
    warnings.warn(text, stacklevel=1)
    error = ValueError(text)
    error.add_note(text)
    with contextlib.suppress(ValueError), logger.trace("work", {"text": text}) as span_:
        span_.add_event(text, {"text": text})
        span_.set_status(StatusCode.ERROR, text)
        raise error from KeyError(text)


def _die_of_segfault() -> None:
    faulthandler.disable()
    ctypes.string_at(0)


def _die_of_sigterm() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(30)


def _fail() -> None:
    raise RuntimeError("not handled")


class _LogsAtTheEnd:
    def __init__(self, log_it: Callable[[], object]) -> None:
        self.log_it = log_it

    def __del__(self) -> None:
        self.log_it()


ENDINGS: dict[str, Callable[[], object]] = {
    "return": lambda: None,
    "sys.exit": lambda: sys.exit(3),
    "exception": _fail,
    "os._exit": lambda: os._exit(4),
    "segfault": _die_of_segfault,
    "sigterm": _die_of_sigterm,
}


def late(root: str) -> None:
    """Log from atexit before and after runlog's own, and from `__del__` while the interpreter goes down."""
    import atexit

    recorders: list[Recorder] = []
    atexit.register(lambda: say(recorders[0], "after runlog's atexit"))
    recorders.append(opened(root))
    atexit.register(lambda: say(recorders[0], "before runlog's atexit"))
    globals()["kept"] = _LogsAtTheEnd(lambda: say(recorders[0], "from __del__"))


def signalled(root: str, seconds: str) -> None:
    """Log in the main thread, and 500 times a second in a signal handler that interrupts it."""
    recorder = opened(root)
    counts = {"main": 0}
    numbers, accepted = itertools.count(), []

    def handle(*_: object) -> None:
        name = f"handler-{next(numbers)}"  # a handler may interrupt a handler
        if say(recorder, name):
            accepted.append(name)

    signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        if say(recorder, f"main-{counts['main']}", filler="x" * 500):
            counts["main"] += 1
        if counts["main"] % 1000 == 0:
            time.sleep(0.005)
    signal.setitimer(signal.ITIMER_REAL, 0)
    acknowledge(f"{recorder.flush(30)} {counts['main']} " + " ".join(accepted))


def interrupted(root: str, seconds: str, kind: str) -> None:
    """Break logs off with exceptions from a signal handler, and go on logging."""
    recorder = opened(root)
    error = {"KeyboardInterrupt": KeyboardInterrupt, "TimeoutError": TimeoutError}[kind]
    accepted: list[str] = []
    armed, raised = False, 0

    def handle(*_: object) -> None:
        nonlocal raised
        if armed:
            raised += 1
            raise error

    signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    end, number, broken = time.monotonic() + float(seconds), 0, 0
    while time.monotonic() < end:
        number += 1
        record, done = log(recorder, f"record-{number}", filler="x" * (number % 700)), False
        try:
            armed = True
            done = recorder.emit(record, RANK_ALWAYS)
            armed = False
        except error:
            armed = False
            broken += 1
        if done:
            accepted.append(f"record-{number}")
        if number % 500 == 0:
            time.sleep(0.002)
    signal.setitimer(signal.ITIMER_REAL, 0)
    flushed = recorder.flush(30)
    acknowledge(f"{flushed} {broken} {raised} " + " ".join(accepted))


def forking(root: str, forks: str) -> None:
    """Fork again and again while two threads log; each child logs, some fork on, some exit without a goodbye."""
    recorder = opened(root)
    stop = threading.Event()
    counts: dict[str, int] = {}

    def work(name: str) -> None:
        number = 0
        while not stop.is_set():
            if say(recorder, f"{name}-{number}"):
                number += 1
            if number % 20 == 0:
                time.sleep(0.001)
        counts[name] = number

    threads = [threading.Thread(target=work, args=(f"thread{index}",)) for index in range(2)]
    for thread in threads:
        thread.start()
    children = []
    for index in range(int(forks)):
        pid = os.fork()
        if not pid:
            _child(recorder, f"child{index}", flush=index % 2 == 0)
        children.append(pid)
    statuses = [os.waitpid(pid, 0)[1] for pid in children]
    stop.set()
    for thread in threads:
        thread.join()
    flushed = recorder.flush(30)
    acknowledge(f"{flushed} {sum(statuses)} " + " ".join(f"{name}={number}" for name, number in counts.items()))


def _child(recorder: Recorder, name: str, *, flush: bool) -> None:
    for number in range(20):
        if not say(recorder, f"{name}-{number}"):
            os._exit(9)
    os._exit(0 if not flush or recorder.flush(20) else 8)


def orphaned(root: str) -> None:
    """Leave a child that lives on with copies of all descriptors, and be killed."""
    recorder = opened(root)
    recorder.flush()
    if not os.fork():
        signal.pause()
        os._exit(0)
    for number in range(100):
        say(recorder, f"parent-{number}")
    acknowledge("logged")
    os.kill(os.getpid(), signal.SIGKILL)


def threaded(root: str, threads: str, number: str) -> None:
    """Log from many threads that begin and end, each also from an event loop of its own."""
    recorder = opened(root)

    async def in_loop(name: str) -> None:
        async def one(index: int) -> None:
            say(recorder, f"{name}-loop-{index}")
            await asyncio.sleep(0)

        await asyncio.gather(*(one(index) for index in range(int(number))))

    def work(name: str) -> None:
        for index in range(int(number)):
            say(recorder, f"{name}-{index}")
        asyncio.run(in_loop(name))

    workers = [threading.Thread(target=work, args=(f"thread{index}",)) for index in range(int(threads))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    acknowledge(f"{recorder.flush(60)}")


def limited(root: str) -> None:
    """Log on a disk that is full (no file may grow over 16 KiB), then give the space back."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16384, hard))
    recorder = opened(root)
    accepted = sum(say(recorder, f"record-{index}") for index in range(2000))
    recorder.flush(1)
    before = recorder.statistics()
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    flushed = recorder.flush(20)
    failing = before.degraded is not None, before.store_error is not None
    acknowledge(f"{accepted} {failing} {flushed} {recorder.statistics().store_error}")


def simple(root: str, number: str) -> None:
    """Log a little, the ordinary way."""
    recorder = opened(root)
    accepted = sum(say(recorder, f"record-{index}") for index in range(int(number)))
    acknowledge(f"{accepted} {recorder.flush(1)} {recorder.statistics().degraded is not None}")


def importing(root: str) -> None:
    """Say which modules the writer thread imports: a fork at that moment would leave their locks held for ever."""
    found: list[str] = []

    class Spy:
        def find_spec(self, name: str, *_: object) -> None:
            if threading.get_ident() != main:
                found.append(name)

    main = threading.get_ident()
    subprocess.run([sys.executable, "-m", "tests.faults.programs", "ending", root, "os._exit", "10"], check=False)
    sys.meta_path.insert(0, Spy())  # as much of a finder as is asked for
    recorder = opened(root, retention={"days": 1})
    say(recorder, "one", key="value")
    recorder.emit((1, recorder.next_sequence()), RANK_ALWAYS)
    recorder.flush(10)
    time.sleep(2.5)  # until it is idle, has tidied up and recovered
    recorder.close()
    acknowledge(" ".join(found))


def dying(root: str) -> None:
    """Die with one span open and one ended."""
    recorder = opened(root)
    recorder.emit(span(recorder, "open", b"unending", "never ends"), RANK_ALWAYS)
    recorder.emit(span(recorder, "open", b"ends now", "ends"), RANK_ALWAYS)
    recorder.emit(span(recorder, "span", b"ends now", "ends"), RANK_ALWAYS)
    os._exit(1)


def masking(root: str) -> None:
    """Register secrets before and after the spool is there, record them, and die at once."""
    mask("opensesame-7123")
    recorder = opened(root)
    mask("openletter-4567")
    with held_store(Path(root), recorder):
        say(recorder, "the word is opensesame-7123")
        say(recorder, "later it is openletter-4567")
        os._exit(1)


def careless(root: str) -> None:
    """Record without opening anything, where the settings are wrong."""
    os.chdir(root)
    recorder = get_recorder()
    acknowledge(f"{say(recorder, 'one')} {recorder.flush(10)}")


def daemonizing(root: str) -> None:
    """Fork into the background, as daemons do: the parent ends in good order, the child goes on recording."""
    recorder = opened(root)
    say(recorder, "parent")
    recorder.flush(10)
    parent, (child_wrote, done) = os.getpid(), os.pipe()
    if os.fork():
        os.read(child_wrote, 1)
        return
    for number in range(100):
        say(recorder, f"early-{number}")
    recorder.flush(10)
    os.write(done, b".")
    while os.getppid() == parent:
        time.sleep(0.01)
    for number in range(100):
        say(recorder, f"late-{number}")
    acknowledge(f"{recorder.flush(10)}")
    os._exit(0)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
