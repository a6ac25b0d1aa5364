"""The debugger's port, seen by the smallest of debuggers."""

import os
import signal
import socket
import stat
import subprocess
import threading

from rig import Client, check, finish, one_line, port_of, wait_for


def test_a_picked_port_is_told_and_serves(box):
    box.need_kvm()
    child = box.start('run', '--gdb=:0', box.guest('hello'))
    client = Client(port_of(child))
    assert client.ask('?').startswith('T05')
    client.send('c')
    assert client.receive() == 'W00'
    said = finish(child)
    check(said.status == 0 and said.out.startswith('hello'), said, 'not the guest\'s end')
    client.close()


def test_kill(box):
    box.need_kvm()
    child = box.start('run', '--gdb=:0', box.guest('spin'))
    client = Client(port_of(child))
    client.send('k')
    said = finish(child)
    check(said.status == 137, said, 'not killed')
    client.close()


def test_port_in_use(box):
    box.need_kvm()
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        port = taken.getsockname()[1]
        one_line(box.run('run', '--gdb=:%d' % port, box.guest('hello')), 1, 'port %d' % port, 'in use', ':0')


def test_unix_socket(box):
    box.need_kvm()
    path = box.path('gdb.sock')
    child = box.start('run', '--gdb-attach=unix:' + path, box.guest('spin'))
    assert port_of(child) == path
    mode = os.stat(path).st_mode
    assert stat.S_ISSOCK(mode) and mode & 0o777 == 0o600, oct(mode)
    one_line(box.run('run', '--gdb=unix:' + path, box.guest('hello')), 1, path)
    child.send_signal(signal.SIGTERM)
    said = finish(child)
    check(said.status == -signal.SIGTERM, said, 'did not die of the signal')
    check(not os.path.exists(path), said, 'the socket is left')


def test_a_stale_socket_is_replaced_and_a_file_is_not(box):
    box.need_kvm()
    path = box.path('gdb.sock')
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)
    child = box.start('run', '--gdb=unix:' + path, box.guest('spin'))
    port_of(child)
    child.kill()
    finish(child)
    os.unlink(path)
    box.file('gdb.sock', b'precious')
    one_line(box.run('run', '--gdb=unix:' + path, box.guest('hello')), 1, path, 'not a socket')
    with open(path, 'rb') as f:
        assert f.read() == b'precious'


def test_a_second_debugger_looks_on(box):
    box.need_kvm()
    child = box.start('run', '--gdb=:0', box.guest('hello'))
    target = port_of(child)
    first = Client(target)
    assert first.ask('?').startswith('T05')
    second = Client(target)
    assert second.ask('?').startswith('T05')
    assert 'looks on' in child.stderr.readline()
    assert second.ask('p10') == first.ask('p10')
    for packet in ('P10=0000000000000000', 'Z0,1000,1', 'vRun;', 'vKill;1'):
        assert 'E' in second.ask(packet)[:1], packet
    words = second.ask('vCont;s:1')
    assert words[0] == 'O' and b'only looks on' in bytes.fromhex(words[1:])
    assert second.receive().startswith('T02')
    third = Client(target)
    assert third.receive() is None
    third.close()
    assert 'turned away' in child.stderr.readline()
    first.send('c')
    assert first.receive() == 'W00'
    assert finish(child).status == 0
    first.close()
    second.close()


def test_one_who_looks_on_comes_and_goes(box):
    box.need_kvm()
    child = box.start('run', '--gdb-attach=:0', box.guest('spin'))
    target = port_of(child)
    first = Client(target)
    assert first.ask('?').startswith('T05')
    for _ in range(20):
        second = Client(target)
        assert second.ask('qC') == first.ask('qC')
        second.close()
    second = Client(target)
    assert second.ask('g') == first.ask('g')
    first.send('c')
    wait_for(lambda: second.ask('g').startswith('E'), 'the guest to run')
    assert second.ask('?').startswith('E')
    first.socket.sendall(b'\3')
    assert first.receive().startswith('T02')
    assert second.ask('?').startswith('T02')
    assert first.ask('D') == 'OK'
    first.close()
    # who comes now controls, and who looked on still only does
    third = Client(target)
    assert third.ask('?').startswith('T05')
    assert second.ask('vCont;s:1').startswith('O') and second.receive().startswith('T02')
    assert second.ask('D') == 'OK'
    third.send('k')
    assert third.receive() is None
    finish(child)


def test_the_next_debugger_may_come_at_once(box):
    box.need_kvm()
    for address in ('--gdb=:0', '--gdb-attach=:0'):
        child = box.start('run', address, box.guest('spin'))
        target = port_of(child)
        for _ in range(100):
            client = Client(target)
            assert client.ask('?').startswith('T05')
            client.close()  # without a word; the next one does not wait for it to be seen
        client = Client(target)
        client.send('k')
        assert client.receive() is None
        finish(child)
        client.close()


def test_a_port_open_to_others_is_warned_of(box):
    box.need_kvm()
    child = box.start('run', '--gdb=0.0.0.0:0', box.guest('spin'))
    assert 'open to other machines' in child.stderr.readline()
    port_of(child)
    child.terminate()
    finish(child)


def test_look_and_not_touch(box):
    box.need_kvm()
    one_line(box.run('run', '--gdb-allow-write=perhaps', 'kernel'), 2, '--gdb-allow-write', 'on or off')
    child = box.start('run', '--gdb=:0', '--gdb-allow-write=off', box.guest('hello'))
    client = Client(port_of(child))
    client.ask('qSupported:error-message+')
    assert client.ask('?').startswith('T05')
    for packet in ('P10=0000000000000000', 'M100000,1:cc', 'vKill;1'):
        assert 'may not be changed' in client.ask(packet), packet
    client.send('k')  # has no answer
    client.send('c')
    assert client.receive() == 'W00'
    said = finish(child)
    check(said.status == 0 and said.out.startswith('hello'), said, 'not the guest\'s end')
    client.close()


def test_strangers_do_not_disturb_a_running_guest(box):
    """Browsers, scanners and noise: the guest that runs is not even stopped by them."""
    box.need_kvm()
    child = box.start('run', '--gdb-attach=:0', '--sandbox=on', box.guest('echo'), stdin=subprocess.PIPE)
    target = port_of(child)
    assert child.stdout.readline() == 'ready\n'
    for junk in (b'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: x\r\n\r\n',
                 b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + bytes(range(256)), b'SSH-2.0-OpenSSH_9.2\r\n',
                 b'\x00' * 70000, b'-' * 1000, b''):
        stranger = Client(target)
        try:
            stranger.socket.sendall(junk)
        except OSError:
            pass  # dropped half-way: allowed
        # The guest answers while the stranger is still there.
        child.stdin.write('x\n')
        child.stdin.flush()
        assert child.stdout.readline() == 'x\n', junk
        stranger.close()
    child.stdin.write('q')
    child.stdin.close()
    assert child.wait(30) == 0


def test_rubbish_does_no_harm(box):
    box.need_kvm()
    child = box.start('run', '--gdb=:0', box.guest('hello'))
    target = port_of(child)
    for junk in (b'GET / HTTP/1.1\r\n\r\n', b'\x16\x03\x01' * 100, b'$' * 100000, b'\x00' * 300000, b'$m0,ffffffffffff#00',
                 b'-' * 1000, b'}' * 50, b'$g#6'):
        rude = Client(target)
        try:
            rude.socket.sendall(junk)
        except OSError:
            pass  # dropped half-way: allowed
        rude.close()
    said = []

    def served():
        client = Client(target)
        answer = client.ask('?')
        if answer is None or not answer.startswith('T05'):
            client.close()  # the one of before is still being seen off
            return False
        said.append(client)
        return True

    wait_for(served, 'a connection after the rude ones')
    said[0].send('c')
    assert said[0].receive() == 'W00'
    assert finish(child).status == 0
    said[0].close()


def test_stdio(box):
    box.need_kvm()
    ours, theirs = socket.socketpair()
    child = subprocess.Popen(box.command(['run', '--gdb=stdio', box.guest('hello')]), stdin=theirs, stdout=theirs,
                             stderr=subprocess.PIPE, text=True, env=box.env)
    box.running.append(child)
    theirs.close()
    client = Client.__new__(Client)
    client.socket, client.bytes = ours, b''
    ours.settimeout(30)
    assert client.ask('?').startswith('T05')
    client.send('c')
    assert client.receive() == 'W00'
    err = child.stderr.read()
    assert child.wait(30) == 0
    assert err == 'hello from the guest\nand goodbye\n', err
    ours.close()


def test_packet_log(box):
    box.need_kvm()
    log = box.path('packets')
    child = box.start('run', '--gdb=:0', '--gdb-log', log, box.guest('hello'))
    client = Client(port_of(child))
    client.ask('?')
    client.send('c')
    client.receive()
    assert finish(child).status == 0
    client.close()
    with open(log, encoding='latin-1') as f:
        text = f.read()
    assert '?' in text and 'T05' in text and 'W00' in text, text


def test_long_searches_and_ctrl_c(box):
    box.need_kvm()
    child = box.start('run', '-m600M', '--gdb=:0', box.guest('hello'))
    client = Client(port_of(child))
    assert client.ask('Qqemu.PhyMemMode:1') == 'OK'
    assert client.ask('M21234567,3:666f78') == 'OK'
    assert client.ask('qSearch:memory:100000;25000000;fox') == '1,21234567'
    assert client.ask('qCRC:100000,25000000').startswith('C')
    client.send('qCRC:100000,25000000')
    client.socket.sendall(b'\x03')
    assert client.receive().startswith('E')
    assert client.ask('m21234567,3') == '666f78'
    client.send('k')
    check(finish(child).status == 137, 'k', 'not killed')
    client.close()


def test_guest_time_runs_when_asked(box):
    box.need_kvm()
    for option, says in (('run', 'guest time runs on'), ('freeze', 'guest time stands')):
        child = box.start('run', '--guest-time=' + option, '--gdb=:0', box.guest('hello'))
        client = Client(port_of(child))
        assert client.ask('qRcmd,' + b'time'.hex()).startswith(says.encode().hex())
        client.send('c')
        check(finish(child).status == 0, option, 'not the guest\'s end')
        client.close()


def flood(client, what, first=b''):
    """Sends `what` without end, and reads whatever comes, until the other side has gone."""
    def pour():
        try:
            client.socket.sendall(first)
            while True:
                client.socket.sendall(what * 200)
        except OSError:
            pass

    def drain():
        try:
            while client.socket.recv(1 << 20):
                pass
        except OSError:
            pass

    threads = [threading.Thread(target=each) for each in (pour, drain)]
    for thread in threads:
        thread.start()
    return threads


def test_a_flood_keeps_nobody_waiting(box):
    """A client that asks, or interrupts, without end: whoever else wants the machine gets it."""
    box.need_kvm()
    memory = b'$m100000,400#85'
    for how, what, first in (('', memory, b''), ('', b'\3', b''), ('-attach', b'\3', b'$c#63')):
        child = box.start('run', '--gdb%s=:0' % how, box.guest('spin'))
        target = port_of(child)
        client = Client(target)
        assert client.ask('?').startswith('T05') and client.ask('QStartNoAckMode') == 'OK'
        threads = flood(client, what, first)
        second = Client(target)  # one who looks on is served meanwhile, or turned away: but it is answered
        second.ask('?')
        child.terminate()
        said = finish(child)
        check(said.status == -signal.SIGTERM, said, 'did not die of the signal (%r)' % what)
        for thread in threads:
            thread.join()
        second.close()
        client.close()


def test_a_flood_of_the_second_debugger(box):
    box.need_kvm()
    child = box.start('run', '--gdb=:0', box.guest('spin'))
    target = port_of(child)
    first = Client(target)
    assert first.ask('?').startswith('T05')
    second = Client(target)
    assert second.ask('QStartNoAckMode') == 'OK'
    threads = flood(second, b'$m100000,400#85')
    assert first.ask('?').startswith('T05')
    child.terminate()
    said = finish(child)
    check(said.status == -signal.SIGTERM, said, 'did not die of the signal')
    for thread in threads:
        thread.join()
    first.close()
    second.close()
