#!/usr/bin/env python3
"""Plays one scene between a guest and this side of a tap interface, in a network namespace of its own.

usage: unshare -n netns.py SCENE TRAPLINE GUEST [FOLDER]

Nothing leaves the namespace: it has the tap interface and nothing else.  10.77.0.1 is here, 10.77.0.2 the guest.
Exit status: 0 as it should be, 1 not (and what was different), 77 there is no way to make an interface here.
"""

import fcntl
import os
import re
import socket
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import rig  # noqa: E402

LIMIT = 30
GUEST = '10.77.0.2'
TUNSETIFF, TUNSETPERSIST = 0x400454ca, 0x400454cb
TAP, TUN, NO_PI = 2, 1, 0x1000
SIOCSIFADDR, SIOCSIFNETMASK, SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFMTU = 0x8916, 0x891c, 0x8913, 0x8914, 0x8922


def make(name, flags=TAP):
    try:
        fd = os.open('/dev/net/tun', os.O_RDWR)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack('16sH22x', name.encode(), flags | NO_PI))
        fcntl.ioctl(fd, TUNSETPERSIST, 1)
    except OSError as why:
        print('no tap interface can be made here:', why)
        sys.exit(77)
    return fd


def address(text):
    return struct.pack('HH4s8x', socket.AF_INET, 0, socket.inet_aton(text))


def up(name):
    request = name.encode()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, SIOCSIFADDR, struct.pack('16s', request) + address('10.77.0.1') + bytes(8))
        fcntl.ioctl(s, SIOCSIFNETMASK, struct.pack('16s', request) + address('255.255.255.0') + bytes(8))
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack('16sH22x', request, 1))


def interface(name='tap0'):
    os.close(make(name))
    up(name)


def checksum(data):
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


class Guest:
    def __init__(self, *args):
        self.child = subprocess.Popen([str(a) for a in args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.settimeout(LIMIT)

    def expect(self, text):
        line = self.child.stdout.readline().rstrip('\n')
        assert line == text, 'the guest said %r, not %r; %s' % (line, text, self.rest(line))
        return line

    def rest(self, line):
        return '' if line else 'and then ' + self.child.communicate(timeout=LIMIT)[1]

    def ping(self, number, size=56):
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as s:
            s.settimeout(LIMIT)
            body = bytes(i % 256 for i in range(size))
            head = struct.pack('!BBHHH', 8, 0, 0, 77, number)
            s.sendto(struct.pack('!BBHHH', 8, 0, checksum(head + body), 77, number) + body, (GUEST, 0))
            while True:
                answer = s.recv(65536)[20:]
                if answer[0] == 0 and answer[4:8] == head[4:8]:
                    break
            assert answer[8:] == body, 'the echo differs: %r' % answer
            assert checksum(answer) == 0, 'a wrong sum: %r' % answer

    def echo(self, data):
        self.udp.sendto(data, (GUEST, 7))
        answer = self.udp.recv(65536)
        assert answer == data, 'echo: %r for %r' % (answer[:80], data[:80])

    def quit(self, status):
        self.udp.sendto(bytes([status]), (GUEST, 9))
        out, err = self.child.communicate(timeout=LIMIT)
        assert self.child.returncode == status, 'status %d: %s%s' % (self.child.returncode, out, err)
        assert 'bye after' in out, out
        return out

    def end(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()


def talk(guest):
    guest.expect('52:54:00:0a:0b:0c')
    guest.expect('ready')
    for i in range(10):
        guest.ping(i)
    for size in (1, 18, 19, 100, 1000, 1472):
        guest.echo(bytes(i * 7 % 251 for i in range(size)))
    # More than it has buffers for: nothing is lost, since the rest waits in the interface.
    for i in range(40):
        guest.udp.sendto(b'burst %02d' % i, (GUEST, 7))
    came = [guest.udp.recv(100) for _ in range(40)]
    assert came == [b'burst %02d' % i for i in range(40)], came
    guest.quit(42)


def scene_talk(trapline, image, _):
    interface()
    for words in (['--tap', 'tap0,52:54:00:0a:0b:0c'], ['--tap', 'tap0,52:54:00:0a:0b:0c', '-c', '2']):
        guest = Guest(trapline, 'run', *words, image)
        try:
            talk(guest)
        finally:
            guest.end()


def scene_poll(trapline, image, _):
    interface()
    guest = Guest(trapline, 'run', '--net=tap:tap0,52:54:00:0a:0b:0c', image, '--', 'poll')
    try:
        talk(guest)
    finally:
        guest.end()


def scene_loop(trapline, image, _):
    interface()
    done = subprocess.run([trapline, 'run', '--tap=tap0', image, '--', 'loop'], capture_output=True, text=True,
                          timeout=LIMIT, check=False)
    assert done.returncode == 0 and 'ready' not in done.stdout, done


def refused(trapline, image, spec, text):
    done = subprocess.run([trapline, 'run', '--tap', spec, image], capture_output=True, text=True, timeout=LIMIT,
                          check=False)
    assert done.returncode == 1 and done.stdout == '' and done.stderr.count('\n') == 1, done
    assert text in done.stderr, done


def scene_refused(trapline, image, _):
    interface()
    os.close(make('tun0', TUN))
    refused(trapline, image, 'lo', 'lo is no tap interface')
    refused(trapline, image, 'tun0', 'tun0 is no tap interface')
    fd = os.open('/dev/net/tun', os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack('16sH22x', b'tap0', TAP | NO_PI))
    refused(trapline, image, 'tap0', 'tap0 is in use by another program')
    os.close(fd)
    refused(trapline, image, 'nosuch', "there is no network interface 'nosuch'")
    assert 'nosuch' not in dict(map(reversed, socket.if_nameindex())), 'it was made'


def symbol(image, name):
    for line in subprocess.run(['nm', image], capture_output=True, text=True, check=True).stdout.splitlines():
        if line.endswith(' ' + name):
            return int(line.split()[0], 16)
    raise KeyError(name)


class Debugger(rig.Client):
    def memory(self, at, size):
        runs = re.sub(r'(.)\*(.)', lambda m: m.group(1) * (ord(m.group(2)) - 28), self.ask('m%x,%x' % (at, size)))
        return bytes.fromhex(runs)

    def number(self, at):
        return int.from_bytes(self.memory(at, 4), 'little')

    def monitor(self, words, said):
        answer = bytes.fromhex(self.ask('qRcmd,' + words.encode().hex())).decode()
        assert said in answer, answer

    def stop(self):
        self.socket.sendall(b'\x03')
        stop = self.receive()
        assert stop.startswith('T02'), stop


def scene_debugged(trapline, image, folder):
    """Nothing comes in while the machine stands; snapshots have the card; what it writes meets watchpoints."""
    interface()
    path = os.path.join(folder, 'gdb')
    frames, buffers = symbol(image, 'net_frames'), symbol(image, 'net_in')
    guest = Guest(trapline, 'run', '--gdb=unix:' + path, '--tap', 'tap0,52:54:00:0a:0b:0c', image)
    try:
        gdb = Debugger(rig.port_of(guest.child))
        gdb.send('c')
        guest.expect('52:54:00:0a:0b:0c')
        guest.expect('ready')
        guest.ping(1)
        gdb.stop()
        before = gdb.number(frames), gdb.memory(buffers, 2048)
        guest.udp.sendto(b'while it stands', (GUEST, 7))
        gdb.monitor('snapshot save here', 'saved')
        assert (gdb.number(frames), gdb.memory(buffers, 2048)) == before
        gdb.send('c')
        assert guest.udp.recv(100) == b'while it stands'
        for i in range(20):
            guest.echo(b'%d' % i)
        gdb.stop()
        assert gdb.number(frames) >= before[0] + 21
        gdb.monitor('snapshot restore here', 'restored')
        assert gdb.number(frames) == before[0]
        gdb.send('c')
        for i in range(20):
            guest.echo(b'%d' % i)
        gdb.stop()
        watched(gdb, guest, symbol(image, 'net_rx'))
        gdb.send('c')
        assert guest.udp.recv(100) == b'watch me'
        guest.quit(7)
    finally:
        guest.end()


def watched(gdb, guest, queue):
    """The used ring's index, which only the card writes: behind 8 descriptors, the available ring, the flags."""
    index = queue + 8 * 16 + 20 + 2
    assert gdb.ask('Z2,%x,2' % index) == 'OK'
    gdb.send('c')
    guest.udp.sendto(b'watch me', (GUEST, 7))
    told, stop = gdb.receive(), gdb.receive()
    assert 'device that wrote to 0x%x' % index in bytes.fromhex(told[1:]).decode(), told
    assert stop.startswith('T05') and 'watch:%x' % index in stop, stop
    assert gdb.ask('z2,%x,2' % index) == 'OK'


def main():
    scene, *rest = sys.argv[1:]
    globals()['scene_' + scene](*(rest + [None])[:3])
    return 0


if __name__ == '__main__':
    sys.exit(main())
