#!/usr/bin/env python3
"""Stands in for trapline where session.sh expects it; the real one runs in a nested machine (lane_agent.c).

LANE_SOCKET: the machine's serial port, as with-kvm serves it.  LANE_TRAPLINE: the program in the machine.
The debugger's port is opened here, with the address that was asked for; what comes over it goes to the real one.
"""

import os
import re
import select
import signal
import socket
import sys

INSIDE = 'unix:/tmp/lane.sock'


class Ended(Exception):
    pass


class Machine:
    """Frames to and from lane_agent.c."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(os.environ['LANE_SOCKET'])
        self.pending = b''
        hello = os.urandom(8).hex().encode()
        self.send('h', hello)
        while b'h\0\x10' + hello not in self.pending:  # what an earlier one left behind is not for us
            self.fill()
        self.pending = self.pending.partition(b'h\0\x10' + hello)[2]

    def fill(self):
        data = self.sock.recv(65536)
        if not data:
            raise Ended('the machine has gone')
        self.pending += data

    def send(self, kind, data=b''):
        for at in range(0, max(len(data), 1), 4096):
            piece = data[at:at + 4096]
            self.sock.sendall(kind.encode() + len(piece).to_bytes(2, 'big') + piece)

    def frames(self):
        self.fill()
        while len(self.pending) >= 3:
            size = 3 + int.from_bytes(self.pending[1:3], 'big')
            if len(self.pending) < size:
                return
            frame, self.pending = self.pending[:size], self.pending[size:]
            yield chr(frame[0]), frame[3:]


class Log:
    """The packets that passed, a line each, as --gdb-log has them."""

    def __init__(self, name):
        self.file = open(name, 'w', encoding='latin-1')
        self.rest = {}

    def passed(self, mark, data):
        data = self.rest.get(mark, b'') + data
        end = 0
        for packet in re.finditer(rb'[$%]([^#]*)#..', data):
            print(mark, packet.group(1).decode('latin-1'), file=self.file, flush=True)
            end = packet.end()
        self.rest[mark] = data[end:][-65536:]


class Port:
    """Where the debugger connects."""

    def __init__(self, address, log):
        self.log = log
        if address.startswith('unix:'):
            self.name = address[5:]
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(self.name)
        else:
            self.listener = socket.create_server(('127.0.0.1', 0))
            self.name = '127.0.0.1:%d' % self.listener.getsockname()[1]
        self.listener.listen(4)
        self.client = None

    def accept(self):
        self.client = self.listener.accept()[0]

    def drop(self):
        if self.client:
            self.client.close()
        self.client = None


def translate(argv):
    """The same words for the real trapline, the address that was asked for and where packets are to be logged."""
    words, address, log = [], None, os.devnull
    for word in argv:
        asked = re.match(r'(--gdb(?:-attach)?)=(.*)', word)
        if asked:
            address = asked.group(2)
            words.append(asked.group(1) + '=' + INSIDE)
        elif word.startswith('--gdb-log='):
            log = word.partition('=')[2]
        else:
            words.append(word)
    return words, address, log


def take(machine, port, kind, data):
    if kind == 'g':
        os.write(1, data)
    elif kind == 'e':
        os.write(2, data.replace(INSIDE[5:].encode(), port.name.encode()) if port else data)
    elif kind == 'd' and port.client:
        port.log.passed('<-', data)
        try:
            port.client.sendall(data)
        except OSError:
            pass
    elif kind == 'c' and port:
        port.drop()
    elif kind == 'x':
        sys.exit(data[0])


def from_client(machine, port):
    try:
        data = port.client.recv(4096)
    except OSError:
        data = b''
    if data:
        port.log.passed('->', data)
        machine.send('d', data)
    else:
        port.drop()
        machine.send('c')


def main():
    words, address, log = translate(sys.argv[1:])
    machine = Machine()
    port = Port(address, Log(log)) if address else None
    signal.signal(signal.SIGTERM, lambda *_: machine.send('k'))
    machine.send('r', b''.join(w.encode() + b'\0' for w in [os.environ['LANE_TRAPLINE'], *words]))
    while True:
        watched = [machine.sock]
        if port:
            watched.append(port.client or port.listener)
        ready = select.select(watched, [], [])[0]
        if machine.sock in ready:
            for kind, data in machine.frames():
                take(machine, port, kind, data)
        if port and port.client in ready:
            from_client(machine, port)
        elif port and port.listener in ready:
            port.accept()
            machine.send('o')


if __name__ == '__main__':
    main()
