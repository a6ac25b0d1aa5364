"""--tap: a guest on a network that ends at this side of a tap interface (netns.py)."""

import os
import subprocess
import sys

import rig

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def play(box, scene):
    box.need_kvm()
    done = subprocess.run(['unshare', '-n', sys.executable, os.path.join(HERE, 'netns.py'), scene, box.trapline,
                           box.guest('net'), box.folder], capture_output=True, text=True, timeout=4 * rig.LIMIT,
                          check=False)
    if done.returncode == 77:
        raise rig.Skip(done.stdout.strip())
    if 'unshare failed' in done.stderr:
        raise rig.Skip('no network namespace can be made here: ' + done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr


def test_arp_ping_and_echo(box):
    play(box, 'talk')


def test_without_interrupts(box):
    play(box, 'poll')


def test_under_a_debugger(box):
    play(box, 'debugged')


def test_a_chain_that_is_a_loop(box):
    play(box, 'loop')


def test_interfaces_that_are_none(box):
    play(box, 'refused')


def test_bad_names(box):
    box.need_kvm()
    hello = box.guest('hello')
    rig.one_line(box.run('run', '--tap', 'nosuch', hello), 1, "no network interface 'nosuch'", 'ip tuntap add')
    for name in ('a/b', 'a b', 'sixteen-letters-', 'tap%d', 'x:y', ',52:54:00:00:00:01'):
        rig.one_line(box.run('run', '--tap', name, hello), 1, 'is no name of a network interface')
    for mac in ('', '1', '52:54:00:00:00', '53:54:00:00:00:01', '52:54:00:00:00:0g', '52-54-00-00-00-01',
                '52:54:00:00:00:01:', '52:54:00:00:00:01x'):
        rig.one_line(box.run('run', '--tap', 'lo,' + mac, hello), 1, 'is no address of a network card')
    rig.one_line(box.run('run', '--tap=', hello), 2, 'empty name')
    rig.one_line(box.run('run', '--net=user', hello), 2, "bad network 'user'", 'tap:IFACE')
    rig.one_line(box.run('run', '-n', 'tap:nosuch', hello), 1, "no network interface 'nosuch'")
    rig.one_line(box.run('run', '--net=tap', hello), 1, "'tap10'")
