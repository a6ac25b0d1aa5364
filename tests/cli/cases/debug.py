"""trapline debug: one command brings machine and debugger together, and leaves nothing behind."""

import os
import shutil
import signal
import subprocess

from rig import Skip, Terminal, check, finish, one_line, port_of, wait_for


def need(box, debugger):
    box.need_kvm()
    if not shutil.which(debugger):
        raise Skip(debugger + ' is not installed')


def nothing_left(box):
    left = [name for name in os.listdir(box.folder) if name.startswith('trapline-')]
    assert not left, left


def test_gdb(box):
    need(box, 'gdb')
    said = box.run('debug', '-e', 'break guest_main', '-e', 'continue', '-e', 'backtrace', '-e', 'continue', '-e', 'quit 7',
                   box.guest('hello'))
    check(said.status == 7, said, "not the debugger's status")
    for part in ('_start ()', 'Breakpoint 1, guest_main', '#1 ', 'hello from the guest\nand goodbye\n', 'exited normally'):
        check(part in said.out, said, "no '%s'" % part)
    nothing_left(box)


def test_symbols_of_another_file(box):
    """A bzImage has none: with --symbols the debugger that is started has those, as has one that comes by itself."""
    need(box, 'gdb')
    image, elf = (os.path.join(box.guests, 'boot', 'linux.' + end) for end in ('bzimage', 'elf'))
    said = box.run('debug', '--symbols', elf, '-e', 'break guest_linux', '-e', 'continue', '-e', 'kill', '-e', 'quit 7', image)
    check(said.status == 7 and 'Breakpoint 1, guest_linux' in said.out, said, 'started')
    said = box.run('debug', '-e', 'info symbol $pc', '-e', 'kill', '-e', 'quit 7', image)
    check(said.status == 7 and 'No symbol matches $pc' in said.out + said.err and 'format' not in said.err, said, 'without')
    nothing_left(box)
    path = box.path('gdb.sock')
    child = box.start('run', '--gdb=unix:' + path, '--symbols', elf, image)
    port_of(child)
    done = subprocess.run(['gdb', '-q', '-nx', '-batch', '-ex', 'target remote ' + path, '-ex', 'info symbol $pc', '-ex',
                           'monitor kaslr', '-ex', 'kill'], capture_output=True, text=True, check=False)
    finish(child)
    assert 'Reading symbols from target:' + os.path.realpath(elf) in done.stdout, done.stdout + done.stderr
    assert 'entry64 in section' in done.stdout, done.stdout + done.stderr


def test_lldb(box):
    need(box, 'lldb')
    said = box.run('debug', '--lldb', '-e', 'breakpoint set -n guest_main', '-e', 'continue', '-e', 'bt', '-e', 'quit 6',
                   box.guest('hello'))
    check(said.status == 6, said, "not the debugger's status")
    for part in ('stop reason = breakpoint', 'guest_main', 'frame #1'):
        check(part in said.out, said, "no '%s'" % part)
    nothing_left(box)


def test_the_machine_ends_with_the_debugger(box):
    need(box, 'gdb')
    said = box.run('debug', '-e', 'quit', box.guest('spin'))
    check(said.status == 0, said, 'not ended')
    nothing_left(box)


def test_a_signal_ends_both(box):
    need(box, 'gdb')
    pid_file = box.path('pid')
    keep_open, stdin = os.pipe()
    child = box.start('debug', '-e', 'shell echo $PPID >' + pid_file, box.guest('spin'), stdin=keep_open)
    wait_for(lambda: os.path.exists(pid_file) and os.path.getsize(pid_file) > 0, 'the debugger')
    with open(pid_file, encoding='ascii') as f:
        pid = int(f.read())
    child.send_signal(signal.SIGTERM)
    said = finish(child)
    os.close(keep_open)
    os.close(stdin)
    check(said.status == -signal.SIGTERM, said, 'did not die of the signal')
    assert not os.path.exists('/proc/%d' % pid), 'the debugger lives on'
    nothing_left(box)


def test_ctrl_c_is_the_debuggers(box):
    need(box, 'gdb')
    t = Terminal(box, 'debug', '-e', 'set pagination off', '-e', 'continue', box.guest('spin'))
    t.expect('spinning')
    t.type('\x03')
    t.expect('SIGINT')
    t.expect('(gdb) ')
    t.type('kill\n')
    t.expect('(y or n)')
    t.type('y\n')
    t.expect('killed')
    t.type('quit 3\n')
    assert t.wait() == 3
    assert t.is_as_before()
    t.close()
    nothing_left(box)


def test_no_debugger(box):
    box.need_kvm()
    env = dict(box.env, PATH='/nonexistent')
    one_line(box.run('debug', box.guest('hello'), env=env), 1, 'gdb is not installed', 'apt install gdb')
    one_line(box.run('debug', '--lldb', box.guest('hello'), env=env), 1, 'lldb is not installed', 'apt install lldb')
    one_line(box.run('debug', '--debugger', 'no-such', box.guest('hello')), 1, "'no-such'", 'No such file')
    nothing_left(box)
