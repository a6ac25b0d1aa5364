"""A guest on the user's terminal: raw while it runs, ours again after every end."""

import os
import signal

from rig import Terminal, wait_for


def started(box):
    box.need_kvm()
    terminal = Terminal(box, 'run', box.guest('echo'))
    terminal.expect('ready\r\n')  # the guest's bare newline begins a line
    assert terminal.is_raw()
    return terminal


def test_keys_go_to_the_guest(box):
    t = started(box)
    t.type('ab\x03\x1a\x1cz')
    t.expect('ab\x03\x1a\x1cz')
    t.type('\x01a.\x01\x01.')
    t.expect('\x01.\x01.')
    t.type('q')
    assert t.wait() == 0
    assert t.is_as_before()
    t.close()


def test_the_escape_keys(box):
    t = started(box)
    t.type('\x01h')
    t.expect('end the machine')
    t.type('\x01x')
    t.wait()
    assert t.is_as_before()
    t.close()


def test_signals(box):
    for name in ('TERM', 'INT', 'HUP', 'QUIT'):
        t = started(box)
        t.kill(name)
        assert t.wait() == -getattr(signal, 'SIG' + name), name
        assert t.is_as_before(), name
        t.close()


def test_what_the_parent_ignores_is_ignored(box):
    """nohup, and a job in the background of a script."""
    box.need_kvm()
    ignored = ('HUP', 'INT', 'QUIT')
    t = Terminal(box, 'run', box.guest('echo'), ignores=ignored)
    t.expect('ready\r\n')
    for name in ignored:
        t.kill(name)
    t.type('ab')
    t.expect('ab')
    t.kill('TERM')
    assert t.wait() == -signal.SIGTERM
    assert t.is_as_before()
    t.close()


def test_a_crash_of_our_own(box):
    t = started(box)
    t.kill('SEGV')
    assert t.wait() == -signal.SIGSEGV
    assert t.is_as_before()
    t.close()


def test_stop_and_continue(box):
    t = started(box)
    t.kill('TSTP')
    assert os.WIFSTOPPED(os.waitpid(t.child.pid, os.WUNTRACED)[1])
    assert t.is_as_before()
    t.kill('CONT')
    wait_for(t.is_raw, 'the raw mode after SIGCONT')
    t.type('hq')
    t.expect('hq')
    assert t.wait() == 0
    assert t.is_as_before()
    t.close()


def test_a_death(box):
    box.need_kvm()
    t = Terminal(box, 'run', box.guest('triple'))
    t.expect('the guest died')
    assert t.wait() == 1
    assert t.is_as_before()
    t.close()


def test_an_error_at_the_start(box):
    t = Terminal(box, 'run', box.path('missing'))
    t.expect('trapline: ')
    assert t.wait() == 1
    assert t.is_as_before()
    t.close()
