"""Faults that the world around makes: clients that die, crowds, signals, full disks, little memory."""

import os
import random
import re
import resource
import select
import signal
import socket
import struct
import subprocess

from rig import LIMIT, Client, Terminal, check, finish, port_of, wait_for

SEED = 20261123
CONNECTS = int(os.environ.get('TRAPLINE_CONNECTS', '10000'))


def framed(text):
    body = text.encode()
    return b'$%s#%02x' % (body, sum(body) % 256)


def rss_and_descriptors(pid):
    with open('/proc/%d/status' % pid, encoding='ascii') as f:
        rss = next(int(line.split()[1]) for line in f if line.startswith('VmRSS'))
    return rss, len(os.listdir('/proc/%d/fd' % pid))


def expanded(reply):
    """Run-length encoding undone: "0*%" stands for "0" and as many more as "%" is above 28."""
    return re.sub(r'(.)\*(.)', lambda m: m.group(1) * (ord(m.group(2)) - 28), reply)


def pc_of(stop):
    """The program counter that a stop reply brings along (register 0x10)."""
    stop = expanded(stop)
    at = stop.index(';10:') + 4
    return int.from_bytes(bytes.fromhex(stop[at:at + 16]), 'little')


def guest_code(client):
    """Where the guest is, and the 64 bytes there: as the guest has them, since no breakpoint is set yet."""
    client.ask('qSupported:swbreak+;hwbreak+')
    pc = pc_of(client.ask('?'))
    return pc, client.ask('m%x,40' % (pc & ~63))


def unix_client(path):
    """Waits for its turn: a client that is being seen off still counts for a moment."""
    found = []

    def served():
        client = Client(path)
        client.ask('qSupported:swbreak+;hwbreak+')
        answer = client.ask('?')
        if answer is None or not answer.startswith('T05'):
            client.close()
            return False
        found.append(client)
        return True

    wait_for(served, 'a debugger\'s turn')
    return found[0]


def test_a_client_killed_anywhere(box):
    """At 200 random points of a session, acknowledgements and half packets included: nothing of it stays."""
    box.need_kvm()
    rng = random.Random(SEED)
    path = box.path('gdb.sock')
    child = box.start('run', '--gdb-attach=unix:' + path, box.guest('spin'))
    port_of(child)
    client = Client(path)
    pc, code = guest_code(client)
    client.close()
    base = pc & ~63
    session = b''.join([framed('qSupported:swbreak+;hwbreak+;vContSupported+'), b'+', framed('QStartNoAckMode'), b'+',
                        framed('?'), framed('g'), framed('m%x,40' % base), framed('Z0,%x,1' % pc),
                        framed('Z1,%x,1' % (pc + 1)), framed('vCont;c'), b'\x03', framed('vCont;s:1'),
                        framed('P0=0100000000000000'), framed('X%x,1:a' % (0x7000)), framed('vCont;c'), b'\x03',
                        framed('z0,%x,1' % pc), framed('qRcmd,' + b'regs'.hex()), framed('vCont;c')])
    for turn in range(200):
        rude = unix_client(path)
        rude.socket.sendall(session[:rng.randrange(1, len(session))])
        if rng.random() < 0.5:
            select.select([rude.socket], [], [], rng.random() * 0.01)
        if rng.random() < 0.3:
            rude.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        rude.close()
        if turn % 20 == 19:
            polite = unix_client(path)
            assert polite.ask('m%x,40' % base) == code, 'turn %d left a byte' % turn
            assert polite.ask('D') == 'OK'
            polite.close()
    check(child.poll() is None, 'running', 'trapline is gone')
    child.terminate()
    said = finish(child)
    check(said.status == -signal.SIGTERM, said, 'did not die of the signal')
    assert not os.path.exists(path)


def test_thousands_of_clients(box):
    """Memory and descriptors are the same after them as before."""
    box.need_kvm()
    path = box.path('gdb.sock')
    child = box.start('run', '--gdb-attach=unix:' + path, '-q', box.guest('spin'))
    wait_for(lambda: os.path.exists(path), 'the socket')
    before = None
    for i in range(CONNECTS):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)
            s.sendall(b'+$?#3f')
            s.settimeout(LIMIT)
            try:
                s.recv(100)
            except ConnectionError:
                pass  # turned away, while the one before is being seen off
        if i == CONNECTS // 10:
            unix_client(path).close()
            before = rss_and_descriptors(child.pid)
    unix_client(path).close()
    after = rss_and_descriptors(child.pid)
    print('%d clients: %d kB and %d descriptors, then %d kB and %d' % (CONNECTS, *before, *after))
    assert after[0] - before[0] <= 256 and abs(after[1] - before[1]) <= 1, (before, after)
    child.terminate()
    finish(child)


def test_half_open_and_silent_clients(box):
    """One that connects and says nothing, half a packet, or never acknowledges: the next is served after it."""
    box.need_kvm()
    path = box.path('gdb.sock')
    child = box.start('run', '--gdb-attach=unix:' + path, box.guest('spin'))
    port_of(child)
    for words in (b'', b'$', b'$m1000', b'$?#3f', b'+$vCont;c#a8'):
        quiet = Client(path)
        quiet.socket.sendall(words)
        quiet.socket.shutdown(socket.SHUT_WR)
        polite = unix_client(path)
        assert polite.ask('qAttached') in ('0', '1')
        polite.close()
        quiet.close()
    child.terminate()
    finish(child)


def test_a_client_that_never_reads(box):
    """What it asks for fills the socket; then it is dropped, and the guest goes on."""
    box.need_kvm()
    path = box.path('gdb.sock')
    child = box.start('run', '--gdb-attach=unix:' + path, box.guest('echo'), stdin=subprocess.PIPE)
    port_of(child)
    assert child.stdout.readline() == 'ready\n'
    client = unix_client(path)
    before = rss_and_descriptors(child.pid)[0]
    client.socket.settimeout(LIMIT)
    try:
        for _ in range(2000):
            client.socket.sendall(b'+' + framed('m100000,8000'))
    except (OSError, socket.timeout):
        pass  # dropped, or as full as it gets
    client.socket.settimeout(0.1)
    assert rss_and_descriptors(child.pid)[0] - before < 2048, 'its output is kept without limit'
    polite = unix_client(path)  # comes once the other has been dropped
    polite.close()
    client.close()
    child.stdin.write('x\nq')
    child.stdin.close()
    assert child.stdout.readline() == 'x\n'
    assert child.wait(LIMIT) == 0


def test_signals_at_any_time(box):
    """From the first moments of the program on: the terminal and the socket's name are as before."""
    box.need_kvm()
    rng = random.Random(SEED)
    path = box.path('gdb.sock')
    for turn in range(40):
        name = ('TERM', 'INT', 'HUP', 'QUIT')[turn % 4]
        t = Terminal(box, 'run', '--gdb-attach=unix:' + path, box.guest('echo'))
        select.select([], [], [], rng.random() * 0.08)
        if turn % 3 == 0:
            t.kill('STOP')
            t.kill('CONT')
        t.kill(name)
        assert t.wait() == -getattr(signal, 'SIG' + name), name
        assert t.is_as_before(), name
        assert not os.path.exists(path), name
        t.close()


def test_stop_and_continue_under_load(box):
    box.need_kvm()
    t = Terminal(box, 'run', box.guest('echo'))
    t.expect('ready\r\n')
    for _ in range(10):
        t.kill('TSTP')
        assert os.WIFSTOPPED(os.waitpid(t.child.pid, os.WUNTRACED)[1])
        assert t.is_as_before()
        t.kill('CONT')
        wait_for(t.is_raw, 'the raw mode after SIGCONT')
        t.type('z')
        t.expect('z')
    t.type('q')
    assert t.wait() == 0
    assert t.is_as_before()
    t.close()


def test_a_full_disk_under_a_core_and_a_log(box):
    box.need_kvm()

    def little_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))

    os.mkdir(box.path('cores'))
    said = box.run('run', '-q', '--core', box.path('cores/core'), box.guest('triple'), preexec_fn=little_disk)
    check(said.status == 1 and 'cannot write core file' in said.err and 'File too large' in said.err, said, 'not told')
    assert os.listdir(box.path('cores')) == [], 'a part of a core is left'
    said = box.run('run', '-q', '--core', '/dev/full/core', box.guest('triple'))
    check(said.status == 1 and 'cannot write core file' in said.err, said, 'not told')
    child = box.start('run', '--gdb=:0', '--gdb-log', '/dev/full', box.guest('hello'))
    client = Client(port_of(child))
    assert client.ask('?').startswith('T05')
    client.send('c')
    assert client.receive() == 'W00'
    assert finish(child).status == 0
    client.close()


def test_output_to_a_full_disk(box):
    box.need_kvm()
    with open('/dev/full', 'wb') as full:
        done = subprocess.run(box.command(['run', box.guest('hello')]), stdout=full, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, timeout=LIMIT, check=False, env=box.env)
    assert done.returncode == 0 and b'No space left' in done.stderr, done


def test_little_memory(box):
    """However much of the address space there is: it runs, or ends with one line."""
    box.need_kvm()
    box.need_plain_build()
    ran = refused = 0
    for megabytes in range(8, 330, 8):
        def limit(size=megabytes << 20):
            resource.setrlimit(resource.RLIMIT_AS, (size, size))
        done = subprocess.run(box.command(['run', '--gdb-attach=:0', '-q', box.guest('hello')]), preexec_fn=limit,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT, check=False,
                              env=box.env)
        if done.returncode == 0:
            assert done.stdout == 'hello from the guest\nand goodbye\n', (megabytes, done)
            ran += 1
        else:
            assert done.returncode in (1, 127) and done.stderr.count('\n') == 1, (megabytes, done)
            refused += 1
    assert ran and refused, (ran, refused)


def test_memory_is_committed_lazily(box):
    box.need_kvm()
    child = box.start('run', '-m', '64G', '--gdb-attach=:0', box.guest('spin'))
    port_of(child)
    assert rss_and_descriptors(child.pid)[0] < 32 * 1024
    child.terminate()
    finish(child)


