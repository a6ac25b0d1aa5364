#!/usr/bin/env python3
"""Plays debugger scenarios under LLDB with trapline in a nested machine, in one boot, and judges each.

usage: lldb_lane.py --lane svm|vmx --trapline PROGRAM --guest ELF --agent PROGRAM SCENARIO...

LLDB is too large for the nested machines (doc/testing.md): it stays here, and lane_trapline.py stands in for the
trapline inside, over the machine's serial port.  Exit status: 0 all passed, 1 some failed (each is named), 77 the
lane or LLDB is missing.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
import run  # noqa: E402

WITH_KVM = os.path.join(run.HERE, '..', 'rig', 'with-kvm')
STAND_IN = os.path.join(run.HERE, 'lane_trapline.py')
LIMIT = 1150  # seconds for the machine and all that is played


def start(args, folder):
    port = os.path.join(folder, 'port')
    machine = subprocess.Popen(
        [WITH_KVM, '--lane', args.lane, '--cpus', '1', '--timeout', str(LIMIT), '--serve', 'unix:' + port, '--files',
         args.guest, args.guest + '_pie', args.trapline, '--', args.agent, '/dev/ttyS1'],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for line in machine.stderr:
        print(line, end='')
        if 'debug port' in line:
            threading.Thread(target=machine.stderr.read, daemon=True).start()
            os.environ.update(LANE_SOCKET=port, LANE_TRAPLINE=args.trapline)
            return machine, 0
    return machine, run.SKIP if machine.wait() == run.SKIP else 1


def play(args, name, folder):
    """One scenario as on the host, but for who trapline is."""
    os.mkdir(folder)
    stand_in = argparse.Namespace(**{**vars(args), 'trapline': STAND_IN})
    scenario = run.prepare(stand_in, name, folder)
    begun = time.monotonic()
    subprocess.run(['sh', os.path.join(run.HERE, 'session.sh'), folder], check=False)
    print('%s: %.1f s' % (name, time.monotonic() - begun), flush=True)
    return run.report(args, name, scenario, folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--lane', required=True)
    parser.add_argument('--trapline', required=True)
    parser.add_argument('--guest', required=True)
    parser.add_argument('--agent', required=True)
    parser.add_argument('scenarios', nargs='+')
    args = parser.parse_args()
    args.trapline, args.guest, args.debugger = os.path.abspath(args.trapline), os.path.abspath(args.guest), 'lldb'
    args.agent, args.program = os.path.abspath(args.agent), shutil.which('lldb')
    if not args.program:
        print('skip: no lldb')
        return run.SKIP
    with tempfile.TemporaryDirectory(prefix='lldb-') as folder:
        machine, status = start(args, folder)
        try:
            if status != 0:
                return status
            failed = [name for name in args.scenarios if not play(args, name, os.path.join(folder, name))]
        finally:
            machine.terminate()
            machine.wait()
    print('%s lane, LLDB: %d scenarios passed, %d failed%s' % (
        args.lane, len(args.scenarios) - len(failed), len(failed), ': ' + ' '.join(failed) if failed else ''))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
