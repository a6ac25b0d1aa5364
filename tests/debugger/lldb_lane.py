#!/usr/bin/env python3
"""LLDB here, trapline in a nested machine: one session over the machine's serial port.

usage: lldb_lane.py --lane svm|vmx --trapline PROGRAM --guest ELF   (the demo guest)

LLDB is too large for the nested machines (doc/testing.md). It watches, breaks both ways, looks, steps, writes
a register, and runs the guest to its end; the transcript is judged afterwards. Exit status: 0 passed, 1 failed, 77 the lane or LLDB is missing.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
WITH_KVM = os.path.join(HERE, '..', 'rig', 'with-kvm')
LIMIT = 500  # seconds for machine and session
SKIP = 77

COMMANDS = [
    'settings set plugin.process.gdb-remote.packet-timeout 60',
    'process connect --plugin gdb-remote unix-connect://%(port)s',
    'watchpoint set variable demo_total',
    'process continue',
    'watchpoint delete 1',
    'breakpoint set --hardware --name put_result',
    'process continue',
    'breakpoint delete 1',
    'breakpoint set --name factorial',
    'process continue',
    'bt',
    'frame variable n',
    'register read rip',
    'thread step-inst',
    'memory read --size 4 --count 1 --format x &demo_total',
    'register write rbx 0x1234',
    'register read rbx',
    'breakpoint delete 2',
    'process continue',
]

# What must be in the transcript, in this order.
EXPECTED = [
    r'Watchpoint 1 hit:\s+old value: 0\s+new value: 100',
    r'stop reason = breakpoint 1\.1',
    r'stop reason = breakpoint 2\.1',
    r'frame #0: 0x\w+ demo\.elf`factorial\(n=5\)',
    r'frame #1: 0x\w+ demo\.elf`guest_main',
    r'\(unsigned int\) n = 5',
    r'rip = 0x\w+\s+demo\.elf`factorial',
    r'stop reason = instruction step into',
    r'0x\w+: 0x000000a0',
    r'rbx = 0x0*1234',
    r'exited with status = 42',
]


def judge(transcript):
    at = 0
    for pattern in EXPECTED:
        found = re.compile(pattern).search(transcript, at)
        if not found:
            print('FAIL: nothing like %r; the session was:\n%s' % (pattern, transcript))
            return 1
        at = found.end()
    return 0


def wait_for_port(machine):
    """True when with-kvm says that the port is there; else what it said is printed."""
    for line in machine.stderr:
        print(line, end='')
        if 'gdb.sock' in line:
            threading.Thread(target=machine.stderr.read, daemon=True).start()
            return True
    return False


def session(args, machine, folder):
    if not wait_for_port(machine):
        status = machine.wait()
        return SKIP if status == SKIP else 1
    lines = [word % {'port': os.path.join(folder, 'gdb.sock')} for word in COMMANDS]
    command = ['lldb', '-b', '-x', '--no-use-colors', args.guest]
    for line in lines:
        command += ['-o', line]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    return judge(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--lane', required=True)
    parser.add_argument('--trapline', required=True)
    parser.add_argument('--guest', required=True)
    args = parser.parse_args()
    args.guest = os.path.abspath(args.guest)
    if shutil.which('lldb') is None:
        print('skip: no lldb')
        return SKIP
    with tempfile.TemporaryDirectory(prefix='lldb-') as folder:
        machine = subprocess.Popen(
            [WITH_KVM, '--lane', args.lane, '--cpus', '1', '--timeout', str(LIMIT),
             '--serve', 'unix:' + os.path.join(folder, 'gdb.sock'), '--files', args.guest, '--',
             os.path.abspath(args.trapline), 'run', '--gdb=/dev/ttyS1', args.guest],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            return session(args, machine, folder)
        finally:
            machine.terminate()
            machine.wait()


if __name__ == '__main__':
    sys.exit(main())
