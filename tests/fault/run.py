#!/usr/bin/env python3
"""Makes one call after the other fail, the first, the second, ... until there is none left, in a plain run and in a
debugger's session; and interrupts every second one.

usage: run.py --trapline PROGRAM --inject LIBRARY --guest GUEST [--play NAME...] [CALL|interrupts...]

Plays: plain, session; snapshots (saved, put back, written; a core), non-stop, and files (a Hermit guest's, which is
then GUEST).

Whatever fails, trapline ends by itself, without a signal: with the guest's status, or with a line that says why
not.  Exit status: 0 passed, 1 failed, 77 skipped (no usable KVM).
"""

import argparse
import mmap
import os
import re
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

LIMIT = 20  # seconds, for what takes 50 ms
CALLS = ('calloc', 'mmap', 'open', 'read', 'write', 'recv', 'send', 'accept', 'socket', 'eventfd', 'epoll_ctl',
         'epoll_wait', 'poll', 'pthread_create', 'ioctl')
INTERRUPTED = ('read', 'write', 'recv', 'send', 'accept', 'epoll_wait', 'poll', 'ioctl')
OUTPUT = 'hello from the guest\nand goodbye\n'


def framed(text):
    body = text.encode()
    return b'$%s#%02x' % (body, sum(body) % 256)


class Rig:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.path = os.path.join(folder, 'gdb.sock')
        self.file = open(os.path.join(folder, 'count'), 'w+b')
        self.file.truncate(4096)
        self.count = mmap.mmap(self.file.fileno(), 4096)

    def start(self, call, nth, *options, words=()):
        self.complaint = None
        self.count[:8] = bytes(8)
        env = dict(os.environ, LC_ALL='C', LD_PRELOAD=self.args.inject, INJECT_CALL=call, INJECT_NTH=str(nth),
                   INJECT_COUNT=self.file.name)
        return subprocess.Popen([self.args.trapline, 'run', '-q', *options, self.args.guest, *words],
                                env=env, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def reached(self):
        return struct.unpack('Q', self.count[:8])[0]


def plain(rig, call, nth):
    return rig.start(call, nth)


def ask(s, packet):
    """The reply, run lengths expanded."""
    pending = b''
    s.sendall(framed(packet))
    while True:
        found = re.search(rb'\$([^O#][^#]*|OK|)#..', pending)
        if found:
            break
        more = s.recv(65536)
        if not more:
            raise ConnectionError
        pending += more
    s.sendall(b'+')
    return re.sub(rb'(.)\*(.)', lambda m: m.group(1) * (m.group(2)[0] - 28), found.group(1)).decode('latin-1')


def write_registers(rig, s):
    """All of them are written, or none: general ones, with segments and control registers behind them."""
    before = ask(s, 'g')
    if before.startswith('E'):
        return
    wanted = 'efbeadde00000000' + before[16:]
    said, after = ask(s, 'G' + wanted), ask(s, 'g')
    if not after.startswith('E') and after != (wanted if said == 'OK' else before):
        rig.complaint = 'G said %s, and left half of it' % said
    ask(s, 'G' + before)


def connect(rig, child, s):
    """The socket's name is there a moment before anybody listens."""
    end = time.monotonic() + LIMIT
    while True:
        try:
            return s.connect(rig.path)
        except ConnectionRefusedError:
            if child.poll() is not None or time.monotonic() > end:
                raise
            select.select([], [], [], 0.002)


def short(rig, s):
    for packet in ('qSupported:swbreak+', '?', 'm100000,40', 'Z0,100000,1', 'z0,100000,1'):
        ask(s, packet)
    write_registers(rig, s)
    for packet in ('vCont;s:1', 'X7000,1:a'):
        ask(s, packet)


def monitor(s, command):
    ask(s, 'qRcmd,' + command.encode().hex())


def keeps_code(rig, s, packets):
    """Whatever fails on the way, the guest's code is as it was when the breakpoint is gone."""
    for packet in ('qSupported:swbreak+', '?'):
        ask(s, packet)
    before = ask(s, 'm100000,100')
    ask(s, 'Z0,100003,1')
    for packet in packets:
        if packet.startswith('monitor '):
            monitor(s, packet[8:])
        else:
            ask(s, packet)
    ask(s, 'z0,100003,1')
    after = ask(s, 'm100000,100')
    if not before.startswith('E') and not after.startswith('E') and before != after:
        rig.complaint = 'the guest has other code: %s, then %s' % (before, after)


def talk_of_snapshots(rig, s):
    keeps_code(rig, s, ('vCont;s:1', 'monitor snapshot save a', 'vCont;s:1', 'monitor snapshot restore a',
                        'monitor snapshot write a', 'monitor core', 'vCont;s:1', 'monitor snapshot restore a',
                        'monitor snapshot delete a'))


def talk_non_stop(rig, s):
    keeps_code(rig, s, ('QNonStop:1', '?', 'vStopped', 'vCont;s:1', 'm100000,10', 'vCont;t:1', 'vStopped', 'vStopped',
                        'QNonStop:0', '?'))


def converse(rig, child, talk):
    """A debugger's short session; false when trapline went away in it."""
    end = time.monotonic() + LIMIT
    while not os.path.exists(rig.path):
        if child.poll() is not None or time.monotonic() > end:
            return False
        select.select([], [], [], 0.002)
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(LIMIT)
        try:
            connect(rig, child, s)
            talk(rig, s)
            ask(s, 'D')
        except OSError:
            return False
    return True


def session(rig, call, nth, talk=short, options=()):
    """Where the client was dropped, the guest stays stopped for the next one: it is told to go on."""
    child = rig.start(call, nth, '--gdb=unix:' + rig.path, *options)
    for _ in range(5):
        if converse(rig, child, talk) or child.poll() is not None:
            break
    return child


def snapshots(rig, call, nth):
    folder = os.path.join(rig.folder, 'out')
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    snap, core = os.path.join(folder, 'snap'), os.path.join(folder, 'core')
    child = session(rig, call, nth, talk_of_snapshots, ('--snapshot-out', snap, '--core', core, '-m', '4M'))
    child.wait(LIMIT)
    for name in os.listdir(folder):
        if name not in ('snap', 'core'):
            rig.complaint = rig.complaint or 'left %s behind' % name
    return child


def non_stop(rig, call, nth):
    return session(rig, call, nth, talk_non_stop)


def files(rig, call, nth):
    """What the guest is told of a failed call is its own affair; it comes to its end."""
    folder = os.path.join(rig.folder, 'data')
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(os.path.join(folder, 'sub'))
    with open(os.path.join(folder, 'hello'), 'w', encoding='ascii') as f:
        f.write('bytes')
    return rig.start(call, nth, '--map', folder + ':/data', words=('--', 'files'))


PLAYS = {'plain': plain, 'session': session, 'snapshots': snapshots, 'non-stop': non_stop, 'files': files}


def judge(child, exact=True):
    """None, or what is wrong. Not exact: the guest's output is what its calls gave, or comes twice after a restore."""
    try:
        out, err = child.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        child.kill()
        out, err = child.communicate()
        return 'hangs', out, err
    if child.returncode < 0 or child.returncode > 1:
        return 'status %d' % child.returncode, out, err
    if exact and child.returncode == 0 and out != OUTPUT and 'guest output was lost' not in err:
        return 'output is lost in silence', out, err
    if child.returncode == 1 and not re.match(r'(trapline: |.*error while loading|.*cannot allocate)', err):
        return 'no word of it', out, err
    return None, out, err


def main():
    parser = argparse.ArgumentParser()
    for name in ('trapline', 'inject', 'guest'):
        parser.add_argument('--' + name, required=True, type=os.path.abspath)
    parser.add_argument('--play', action='append', choices=PLAYS)
    parser.add_argument('call', nargs='*')
    args = parser.parse_args()
    if subprocess.run([args.trapline, 'doctor'], capture_output=True, check=False).returncode != 0:
        print('no usable KVM here')
        return 77
    folder = tempfile.mkdtemp(prefix='trapline-fault-')
    rig, failures, total, places = Rig(args, folder), 0, 0, {}

    def attempt(play, call, nth):
        nonlocal failures, total
        child = play(rig, call, nth)
        why, out, err = judge(child, play in (plain, session))
        why = why or rig.complaint
        total += 1
        if why:
            failures += 1
            print('%s, %s %s: %s\n%s%s' % (play.__name__, call, nth, why, out, err), flush=True)
        if os.path.exists(rig.path):
            os.unlink(rig.path)
        return rig.reached()

    for play in [PLAYS[name] for name in args.play or ('plain', 'session')]:
        for call in [call for call in args.call or CALLS if call != 'interrupts']:
            nth = 1
            while attempt(play, call, nth) >= nth:
                nth += 1
            places[call] = places.get(call, 0) + nth - 1
            print('%s: %s failed at %d places' % (play.__name__, call, nth - 1), flush=True)
        for call in INTERRUPTED if not args.call or 'interrupts' in args.call else ():
            attempt(play, call, 'even')
    shutil.rmtree(folder)
    never = [call for call, n in places.items() if n == 0]
    if never:
        print('never reached: %s' % ', '.join(never))
    print('%d runs, %d failures' % (total, failures))
    return failures > 0 or bool(never)


if __name__ == '__main__':
    sys.exit(main())
