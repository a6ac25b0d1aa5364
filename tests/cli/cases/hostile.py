"""Guests that try what they can (guests/hostile.c), and what they say on the way."""

import os
import select
import signal
import subprocess

from rig import Client, check, finish, port_of, wait_for


def check_flood(out):
    lines = out.splitlines()
    assert len(lines) == 1000, len(lines)
    for i, line in enumerate(lines):
        assert line == '%04d the quick brown fox jumps over the lazy dog and floods the port' % i, line


def test_a_flood_and_a_slow_reader(box):
    """What the guest says arrives whole, though nobody reads before the guest's end."""
    box.need_kvm()
    child = box.start('run', box.guest('hostile'), '--', 'flood')
    select.select([], [], [], 0.5)
    out = ''
    while True:
        part = os.read(child.stdout.fileno(), 700).decode()
        if not part:
            break
        out += part
    assert child.wait(120) == 7
    check_flood(out)


def test_a_flood_and_a_stop_in_it(box):
    """Nor is anything lost when a debugger stops the guest in between, kills it, or it dies."""
    box.need_kvm()
    child = box.start('run', '--gdb-attach=:0', box.guest('hostile'), '--', 'flood')
    client = Client(port_of(child))
    assert client.ask('?').startswith('T05')
    for _ in range(20):
        client.send('vCont;c')
        client.socket.sendall(b'\x03')
        assert client.receive().startswith('T')
    assert client.ask('D') == 'OK'
    check_flood(child.stdout.read())
    assert child.wait(120) == 7
    client.close()


def test_output_before_a_death_and_a_kill(box):
    box.need_kvm()
    said = box.run('run', '-q', box.guest('triple'))
    check(said.status == 1 and said.out == 'dying\n', said, 'output is lost')
    child = box.start('run', '--gdb-attach=:0', box.guest('spin'))
    client = Client(port_of(child))
    assert child.stdout.readline() == 'spinning\n'
    client.send('k')
    assert finish(child).status == 137
    client.close()
    child = box.start('run', box.guest('spin'))
    wait_for(lambda: select.select([child.stdout], [], [], 0)[0], 'output')
    child.terminate()
    said = finish(child)
    check(said.out == 'spinning\n' and said.status == -signal.SIGTERM, said, 'output is lost')


def test_every_port_and_every_hole(box):
    box.need_kvm()
    for what in ('ports', 'mmio'):
        child = box.start('run', box.guest('hostile'), '--', what)
        out, err = child.communicate(timeout=300)
        assert child.returncode == 7, (what, child.returncode, out[-200:], err[-400:])


def test_tables_that_change_under_a_walk(box):
    box.need_kvm()
    child = box.start('run', '--gdb-attach=:0', box.guest('hostile'), '--', 'remap')
    client = Client(port_of(child))
    assert child.stdout.readline() == 'remapping\n'
    client.ask('qSupported:error-message+')
    for turn in range(100):
        assert client.ask('?' if turn == 0 else 'qC') is not None
        for slot in (256, 273, 290, 307, 511):
            address = 0xffff000000000000 | slot << 39
            answer = client.ask('m%x,2000' % (address + 0xfff))
            assert answer[0] in 'E0123456789abcdef', answer
            client.send('qRcmd,' + b'walk 0x%x'.replace(b'0x%x', b'0x%x' % address).hex())
            while (answer := client.receive()).startswith('O') and answer != 'OK':
                pass
        client.send('vCont;c')
        client.socket.sendall(b'\x03')
        assert client.receive().startswith('T')
    client.send('k')
    assert finish(child).status == 137
    client.close()


def test_a_storm_of_exits(box):
    box.need_kvm()
    child = box.start('run', '--gdb-attach=:0', '--cpus', '2', box.guest('hostile'), '--', 'exits')
    client = Client(port_of(child))
    assert child.stdout.readline() == 'storming\n'
    assert client.ask('?').startswith('T05')
    for _ in range(200):
        client.send('vCont;c')
        client.socket.sendall(b'\x03')
        assert client.receive().startswith('T')
    assert client.ask('D') == 'OK'
    client.close()
    child.terminate()
    assert finish(child).status == -signal.SIGTERM


def test_a_triple_fault_in_a_step(box):
    box.need_kvm()
    child = box.start('run', '--gdb=:0', box.guest('triple'))
    client = Client(port_of(child))
    client.ask('?')
    last = 'T05'
    for _ in range(5000):
        last = client.ask('vCont;s:1')
        while last.startswith('O'):
            last = client.receive()
        if not last.startswith('T05'):
            break
    assert last.startswith('T') and not last.startswith('T05'), last
    assert client.ask('g') is not None
    client.send('k')
    assert finish(child).status in (1, 137)
    client.close()


def test_a_storm_of_signals(box):
    """Calls are interrupted all the time, wherever they are; nothing is lost."""
    box.need_kvm()
    child = box.start('run', '--gdb=:0', '--cpus', '2', box.guest('hostile'), '--', 'flood')
    client = Client(port_of(child))
    client.ask('?')
    storm = subprocess.Popen(['sh', '-c', 'while kill -USR1 %d 2>/dev/null; do :; done' % child.pid])
    for _ in range(50):
        assert client.ask('vCont;s:1').startswith('T05')
        assert len(client.ask('g')) > 100
    client.send('D')
    assert client.receive() == 'OK'
    out = child.stdout.read()
    assert child.wait(120) == 7
    storm.kill()
    storm.wait()
    check_flood(out)
    client.close()


