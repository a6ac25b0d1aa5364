"""Runs an emulator and listens to its serial ports until it ends, the time is up or a signal comes."""
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

from .console import Console
from .errors import EXIT_MACHINE, EXIT_TIMEOUT

PORTS = ("console", "debug", "stdout", "stderr")
CHUNK = 65536
POWER_OFF_SECONDS = 30  # after the command has ended; a hang there costs no more than this
PANIC_SECONDS = 2  # for the rest of the kernel's message
BATCH_SECONDS = 0.005  # emulators write byte by byte: reading each at once would take a processor from them
PR_SET_PDEATHSIG = 1
CAUGHT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LIBC = ctypes.CDLL(None)


class Interrupted(Exception):
    def __init__(self, number):
        super().__init__()
        self.number = number


def raise_interrupted(number, _frame):
    """Once: what follows is cleaning up, which no second signal may cut short."""
    for each in CAUGHT:
        signal.signal(each, signal.SIG_IGN)
    raise Interrupted(number)


def catch_signals():
    for number in CAUGHT:
        signal.signal(number, raise_interrupted)


@contextmanager
def signals_held():
    """Signals wait while a process starts: an exception between its birth and its name here would lose it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, CAUGHT)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def in_child():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, CAUGHT)


class Machine:
    """`argv` starts the emulator, which writes each port of PORTS into the FIFO of that name in `folder`."""

    def __init__(self, folder, argv, time_limit, stdin=None, bridge=None):
        self.folder = folder
        self.argv = argv
        self.stdin = stdin
        self.bridge = bridge
        self.console = Console()
        self.deadline = time.monotonic() + time_limit
        self.timed_out = False
        self.readers = {}
        self.process = None

    def run(self):
        self.open_ports()
        try:
            self.start()
            self.listen()
        finally:
            self.end()
        self.drain()

    def open_ports(self):
        """Both ends of each FIFO: reading never meets an end of file, and no opening waits."""
        sinks = {"console": self.console.feed, "stdout": lambda data: write_all(1, data),
                 "stderr": lambda data: write_all(2, data)}
        for name, sink in sinks.items():
            path = os.path.join(self.folder, name)
            os.mkfifo(path, 0o600)
            self.readers[os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)] = sink

    def start(self):
        """In a session of its own, so that Ctrl-C at the terminal reaches this process alone."""
        with open(os.path.join(self.folder, "emulator.log"), "wb") as log, signals_held():
            self.process = subprocess.Popen(self.argv, stdin=subprocess.PIPE, stdout=log, stderr=log,
                                            cwd=self.folder, start_new_session=True,
                                            preexec_fn=in_child)
        if self.stdin:
            self.process.stdin.write(self.stdin)
            self.process.stdin.flush()

    def listen(self):
        pidfd = os.pidfd_open(self.process.pid)
        try:
            while self.process.poll() is None and not self.expired():
                interests = {fd: (select.POLLIN, self.reader(fd, sink)) for fd, sink in self.readers.items()}
                interests[pidfd] = (select.POLLIN, lambda: None)
                if self.bridge:
                    interests.update(self.bridge.interests())
                self.poll(interests)
                self.react()
        finally:
            os.close(pidfd)

    def poll(self, interests):
        poller = select.poll()
        for fd, (events, _) in interests.items():
            poller.register(fd, events)
        wait = max(0, self.deadline - time.monotonic())
        for fd, _ in poller.poll(min(wait, 60) * 1000):
            interests[fd][1]()
        if not self.bridge:
            time.sleep(BATCH_SECONDS)

    def react(self):
        """Shortens the time that is left once the outcome is known."""
        if self.console.failure:
            self.shorten(PANIC_SECONDS)
        elif self.console.status is not None:
            self.shorten(POWER_OFF_SECONDS)
        elif self.console.started and self.bridge and self.bridge.outer is None:
            self.bridge.open()

    def shorten(self, seconds):
        self.deadline = min(self.deadline, time.monotonic() + seconds)

    def expired(self):
        if time.monotonic() < self.deadline:
            return False
        self.timed_out = self.console.status is None and self.console.failure is None
        return True

    def reader(self, fd, sink):
        def read():
            try:
                data = os.read(fd, CHUNK)
            except BlockingIOError:
                return False
            sink(data)
            return True
        return read

    def drain(self):
        for fd, sink in self.readers.items():
            while self.reader(fd, sink)():
                pass

    def end(self):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=3)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.stdin.close()
        self.process.wait()

    def close(self):
        for fd in self.readers:
            os.close(fd)
        self.readers = {}

    def outcome(self, lane, time_limit):
        """(exit status, what to tell the user or "")."""
        if self.console.status is not None:
            return self.console.status, ""
        if self.timed_out:
            where = "the command" if self.console.started else "the machine's boot"
            return EXIT_TIMEOUT, f"time limit of {time_limit:g} s reached in {where} ({lane} lane)"
        reason = self.console.failure or f"the emulator ended early, status {self.process.returncode}"
        return EXIT_MACHINE, f"{lane} lane: {reason}\n{self.tail()}"

    def tail(self):
        with open(os.path.join(self.folder, "emulator.log"), "rb") as log:
            emulator = log.read()[-2000:].decode(errors="replace").strip()
        return "\n".join(["-- last of the machine's console:", self.console.tail(),
                          "-- last of the emulator:", emulator])


def write_all(fd, data):
    sys.stdout.flush()
    while data:
        data = data[os.write(fd, data):]
