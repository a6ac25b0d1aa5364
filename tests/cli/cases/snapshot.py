"""Snapshots as files: written where the user said, and gone on from."""

import os
import re
import resource
import signal
import struct
import subprocess
import zlib

from rig import Client, check, finish, one_line, port_of, wait_for


def expand(body):
    """Runs written out: c*N stands for c and N - 29 more (GDB manual, "Overview")."""
    return re.sub(r'(.)\*(.)', lambda m: m.group(1) * (ord(m.group(2)) - 28), body, flags=re.S)


def monitor(client, text):
    answer = expand(client.ask('qRcmd,' + text.encode().hex()))
    assert not answer.startswith('E'), answer
    return bytes.fromhex(answer).decode()


def pc(client):
    return int.from_bytes(bytes.fromhex(expand(client.ask('p10'))), 'little')


def debugged(box, *args, **options):
    child = box.start('run', '--gdb=:0', *args, **options)
    return child, Client(port_of(child))


def end(child, client):
    client.send('k')
    finish(child)
    client.close()


def saved(box, guest='hello', *args, steps=3):
    """A snapshot of that guest after some steps; its file, and where it stood."""
    path = box.path('snapshot')
    child, client = debugged(box, '--snapshot-out', path, *args, box.guest(guest))
    for _ in range(steps):
        assert client.ask('vCont;s').startswith('T05')
    stood = pc(client)
    assert 'saved' in monitor(client, 'snapshot save a')
    assert "snapshot 'a' written to " + path in monitor(client, 'snapshot write a')
    assert "there is no snapshot 'b'" in monitor(client, 'snapshot write b')
    end(child, client)
    return path, stood


def test_written_and_restored(box):
    box.need_kvm()
    path, stood = saved(box)
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert not os.path.exists(path + '.tmp')
    assert os.stat(path).st_size < 2 << 20, 'zeros are in the file'
    for args in ((), (box.guest('hello'),), ('-m', '128M', '-c', '1')):
        said = box.run('run', '--restore', path, *args)
        check((said.status, said.out, said.err) == (0, 'hello from the guest\nand goodbye\n', ''), said, 'not hello')
    child, client = debugged(box, '--restore', path, box.guest('hello'))
    assert pc(client) == stood
    client.send('c')
    assert client.receive() == 'W00'
    check(finish(child).out.startswith('hello'), finish(child), 'nothing said')
    client.close()


def test_two_cpus_and_another_size(box):
    box.need_kvm()
    path, _ = saved(box, 'args', '-m', '64M', '-c', '2')
    said = box.run('run', '--restore', path)
    check(said.status == 0 and '4000000' in said.out, said, 'not 64 MiB')
    one_line(box.run('run', '--restore', path, '-m', '32M'), 1, path, 'KiB of memory')
    one_line(box.run('run', '--restore', path, '-c', '1'), 1, path, '2 CPUs, not 1')


def test_devices_go_on(box):
    """A guest that waits for input by interrupts, in HLT: its serial port and interrupt controllers come along."""
    box.need_kvm()
    path = box.path('snapshot')
    child = box.start('run', '--gdb-attach=:0', '--snapshot-out', path, box.guest('echo'), stdin=subprocess.PIPE)
    target = port_of(child)
    assert child.stdout.readline() == 'ready\n'
    child.stdin.write('iab\n')
    child.stdin.flush()
    assert child.stdout.readline() == 'iab\n'
    client = Client(target)
    assert client.ask('?').startswith('T')
    assert 'saved' in monitor(client, 'snapshot save waiting')
    assert 'written' in monitor(client, 'snapshot write waiting')
    end(child, client)
    said = box.run('run', '--restore', path, stdin='xyz\npq')
    check(said.status == 0 and said.out == 'xyz\npq', said, 'input did not reach it')


def test_restored_without_a_kernel(box):
    box.need_kvm()
    path, _ = saved(box, 'triple', steps=1)
    core = box.path('core')
    said = box.run('run', '--restore', path, '--core', core)
    check(said.status == 1 and 'the guest died' in said.err and 'core written' in said.err, said, 'no report')
    path, _ = saved(box, 'reset', steps=1)
    said = box.run('run', '--restore', path, stdin='kq')
    check(said.status == 1 and 'there is no kernel to start again' in said.err, said, 'reset into nothing')
    said = box.run('run', '--restore', path, box.guest('reset'), stdin='kq')
    check(said.status == 0 and said.out.count('boot') == 2, said, 'did not start again')


def resum(image):
    return image[:-8] + struct.pack('<I', zlib.crc32(image[:-8])) + image[-4:]


def test_files_that_are_no_snapshots(box):
    box.need_kvm()
    path, _ = saved(box)
    with open(path, 'rb') as f:
        image = f.read()
    flipped = bytearray(image)
    flipped[len(image) // 2] ^= 1
    rows = [
        (box.path('missing'), 'No such file'),
        (box.folder, 'not a regular file'),
        (box.file('empty'), 'empty'),
        (box.guest('hello'), 'not a snapshot'),
        (box.file('cut', image[:len(image) // 2]), 'truncated'),
        (box.file('cut-by-one', image[:-1]), 'truncated'),
        (box.file('head', image[:40]), 'truncated'),
        (box.file('flipped', bytes(flipped)), 'checksum'),
        (box.file('version', resum(image[:8] + struct.pack('<I', 99) + image[12:])), 'version 99'),
        (box.file('cpus', resum(image[:12] + struct.pack('<I', 65) + image[16:])), '65 CPUs'),
        (box.file('part', resum(image.replace(b'lapic\0', b'lapis\0'))), 'lapis'),
        (box.file('features', resum(image.replace(image[184 + 32:184 + 36], b'\1\2\3\4', 1))), 'other features'),
    ]
    for name, part in rows:
        one_line(box.run('run', '--restore', name), 1, name, part)
        one_line(box.run('run', '--restore', name, box.guest('hello')), 1, name, part)


def test_where_nothing_can_be_written(box):
    box.need_kvm()
    child, client = debugged(box, box.guest('hello'))
    monitor(client, 'snapshot save a')
    assert 'not given --snapshot-out' in monitor(client, 'snapshot write a')
    end(child, client)
    # What stands in the way of a folder's name depends on whether there is a sandbox.
    for place, why in ((box.path('no/such/file'), 'No such file'), (box.folder, 'd')):
        child, client = debugged(box, '--snapshot-out', place, box.guest('hello'))
        monitor(client, 'snapshot save a')
        answer = monitor(client, 'snapshot write a')
        assert answer.startswith('not written: ' + place) and why in answer and answer.count('\n') == 1, answer
        end(child, client)
    assert not [name for name in os.listdir(box.folder) if name.endswith('.tmp')]


def test_a_full_disk_leaves_the_old_file(box):
    box.need_kvm()
    path = box.file('snapshot', b'as before')

    def little_room():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))

    child, client = debugged(box, '--snapshot-out', path, box.guest('hello'), preexec_fn=little_room)
    monitor(client, 'snapshot save a')
    answer = monitor(client, 'snapshot write a')
    assert answer == 'not written: %s: File too large\n' % path, answer
    end(child, client)
    with open(path, 'rb') as f:
        assert f.read() == b'as before'
    wait_for(lambda: not os.path.exists(path + '.tmp'), 'no half file')
