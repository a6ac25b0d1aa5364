"""Lets a debugger on this machine talk to the nested machine's second serial port.

The emulator connects to a port of the loopback; debuggers connect to the address that the user named.
Nothing listens there before the command has started, so that a debugger's first packet is not lost in the
boot. No call here waits: a side is read only when the other has taken all that came before.
"""
import os
import select
import socket
import sys

from .errors import Problem, EXIT_MACHINE

CHUNK = 65536


class Side:
    """One connection, and what is still to be sent on it."""

    def __init__(self):
        self.sock = None
        self.pending = b""

    def connect(self, listener):
        self.sock, _ = listener.accept()
        self.sock.setblocking(False)
        self.pending = b""
        if self.sock.family == socket.AF_INET:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data=b""):
        self.pending += data
        try:
            self.pending = self.pending[self.sock.send(self.pending):]
        except BlockingIOError:
            pass
        except OSError:
            self.close()

    def receive(self):
        """The bytes that came; empty when the connection has ended, which closes this side."""
        try:
            data = self.sock.recv(CHUNK)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self.close()
        return data

    def close(self):
        if self.sock is not None:
            self.sock.close()
        self.sock = None
        self.pending = b""


class Bridge:
    def __init__(self, address):
        kind, _, self.where = address.partition(":")
        self.is_unix = kind == "unix"
        self.inner = socket.create_server(("127.0.0.1", 0))
        self.inner_port = self.inner.getsockname()[1]
        self.outer = None
        self.emulator = Side()
        self.debugger = Side()

    def open(self):
        """Starts to listen for debuggers, and says where."""
        try:
            self.outer = self.listen()
        except OSError as e:
            raise Problem(EXIT_MACHINE, f"debug port: cannot listen on {self.where}: {e.strerror}") from e
        name = self.where if self.is_unix else "127.0.0.1:%d" % self.outer.getsockname()[1]
        print(f"with-kvm: debug port: target remote {name}", file=sys.stderr, flush=True)

    def listen(self):
        if not self.is_unix:
            return socket.create_server(("127.0.0.1", int(self.where)))
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.bind(self.where)
        sock.listen(1)
        return sock

    def interests(self):
        """{descriptor: (events, what to do then)} for the poll loop."""
        found = {}
        for side, other, listener in ((self.emulator, self.debugger, self.inner),
                                      (self.debugger, self.emulator, self.outer)):
            if side.sock is None and listener is not None:
                found[listener.fileno()] = (select.POLLIN, lambda s=side, l=listener: s.connect(l))
            elif side.pending:
                found[side.sock.fileno()] = (select.POLLOUT, side.send)
            elif side.sock is not None and not other.pending:
                found[side.sock.fileno()] = (select.POLLIN, lambda s=side, o=other: pass_on(s, o))
        return found

    def close(self):
        self.emulator.close()
        self.debugger.close()
        self.inner.close()
        if self.outer is not None:
            self.outer.close()
            if self.is_unix and os.path.exists(self.where):
                os.unlink(self.where)


def pass_on(source, target):
    """What is said while nobody listens is dropped: a new debugger must not read an old answer."""
    data = source.receive()
    if data and target.sock is not None:
        target.send(data)
