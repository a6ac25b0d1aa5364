"""What GDB says to trapline and what it is told: recorded between the two, for the null stub and for attaching."""

import os
import re
import selectors
import socket
import subprocess

MARK = b'trapline.bench.mark'


class Splitter:
    """Bytes in, bodies of packets out."""

    packet = re.compile(rb'\$([^#]*)#[0-9a-fA-F]{2}', re.S)

    def __init__(self):
        self.pending = b''

    def feed(self, data):
        self.pending += data
        bodies = []
        while True:
            match = self.packet.search(self.pending)
            if not match:
                return bodies
            bodies.append(match.group(1))
            self.pending = self.pending[match.end():]


def proxy(listener, address, is_alive):
    """Joins the one client that connects to `address`; [(request, reply)] in order when it has gone."""
    listener.settimeout(10)
    client = listener.accept()[0]
    stub = socket.socket(socket.AF_UNIX)
    stub.connect(address)
    pairs = []
    waiting = []
    asks, answers = Splitter(), Splitter()
    selector = selectors.DefaultSelector()
    selector.register(client, selectors.EVENT_READ, (stub, asks))
    selector.register(stub, selectors.EVENT_READ, (client, answers))
    while True:
        ready = selector.select(10)
        if not ready and not is_alive():
            break
        ended = not ready
        for key, _ in ready:
            other, splitter = key.data
            data = key.fileobj.recv(1 << 18)
            if not data:
                ended = True
                break
            other.sendall(data)
            for body in splitter.feed(data):
                if splitter is asks:
                    waiting.append(body)
                elif waiting and not (body[:1] == b'O' and body != b'OK'):
                    pairs.append((waiting.pop(0), body))
        if ended:
            break
    client.close()
    stub.close()
    return pairs


def record(scratch, gdb, image, address, steps):
    """A GDB session with the stub at unix socket `address`: (pairs, number of pairs up to the prompt)."""
    path = scratch.file('proxy')
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(1)
        argv = [gdb, '-q', '-nx', '-batch', '-ex', 'set confirm off', '-ex', 'target remote ' + path,
                '-ex', 'maintenance packet ' + MARK.decode()]
        argv += ['-ex', 'stepi'] * steps + ['-ex', 'disconnect', image]
        process = scratch.start(argv, env=dict(os.environ, LC_ALL='C'), stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
        pairs = proxy(listener, address, lambda: process.poll() is None)
        scratch.end(process)
    marks = [i for i, (request, _) in enumerate(pairs) if request == MARK]
    return pairs, marks[0] if marks else len(pairs)


def ask(address, requests):
    """What the stub at a unix socket answers to some requests: pairs as from a proxy."""
    pairs = []
    answers = Splitter()
    with socket.socket(socket.AF_UNIX) as stub:
        stub.settimeout(10)
        stub.connect(address)
        for request in requests:
            stub.sendall(b'$%s#%02x' % (request, sum(request) & 0xff))
            bodies = []
            while not bodies:
                data = stub.recv(1 << 18)
                if not data:
                    return pairs
                bodies = answers.feed(data)
            stub.sendall(b'+')
            pairs.append((request, bodies[0]))
    return pairs


def write_replies(path, pairs):
    """For null.c. Runs are kept as they were sent: the bytes are the same."""
    with open(path, 'w', encoding='ascii') as f:
        for request, reply in pairs:
            f.write('%s %s\n' % (request.hex(), reply.hex() or '-'))


def write_script(path, requests):
    """For rsp.c's attach."""
    with open(path, 'w', encoding='ascii') as f:
        for request in requests:
            f.write(request.hex() + '\n')


def step_packets(pairs, mark):
    """How many packets GDB needs for one stepi."""
    rest = pairs[mark + 1:]
    steps = sum(1 for request, _ in rest if request.startswith(b'vCont;s'))
    return len(rest) / steps if steps else 0
