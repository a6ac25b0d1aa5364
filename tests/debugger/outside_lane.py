#!/usr/bin/env python3
"""Plays debugger scenarios with the debugger here and trapline in a nested machine, in one boot, and judges each.

usage: outside_lane.py --lane svm|vmx --trapline PROGRAM --guest ELF --smp-guest ELF --agent PROGRAM
                       DEBUGGER:SCENARIO...

LLDB is too large for the nested machines, and GDB takes 10 seconds to begin in Bochs (doc/testing.md): they stay
here, and lane_trapline.py stands in for the trapline inside, over the machine's serial port.  Exit status: 0 all
passed, 1 some failed (each is named), 77 the lane or a debugger is missing.
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
         args.guest, args.guest + '_pie', args.smp_guest, args.trapline, '--', args.agent, '/dev/ttyS1'],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for line in machine.stderr:
        print(line, end='')
        if 'debug port' in line:
            threading.Thread(target=machine.stderr.read, daemon=True).start()
            os.environ.update(LANE_SOCKET=port, LANE_TRAPLINE=args.trapline)
            return machine, 0
    return machine, run.SKIP if machine.wait() == run.SKIP else 1


def ask_doctor(folder):
    """Once for all scenarios."""
    path = os.path.join(folder, 'doctor.json')
    with open(path, 'wb') as out:
        subprocess.run([STAND_IN, 'doctor', '--json'], stdout=out, check=False)
    os.environ['DOCTOR'] = path


def play(args, debugger, name, folder):
    """One scenario as on the host, but for who trapline is."""
    os.mkdir(folder)
    there = argparse.Namespace(**{**vars(args), 'trapline': STAND_IN, 'debugger': debugger,
                                  'program': shutil.which(debugger)})
    scenario = run.prepare(there, name, folder)
    begun = time.monotonic()
    subprocess.run(['sh', os.path.join(run.HERE, 'session.sh'), folder], check=False)
    print('%s:%s: %.1f s' % (debugger, name, time.monotonic() - begun), flush=True)
    return run.report(there, name, scenario, folder)


def play_all(args, folder):
    """The names of the scenarios that failed."""
    ask_doctor(folder)
    return [each for each in args.scenarios if not play(args, *each.split(':'), os.path.join(folder, each))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--lane', required=True)
    for name in ('trapline', 'guest', 'smp-guest', 'agent'):
        parser.add_argument('--' + name, required=True, type=os.path.abspath)
    parser.add_argument('scenarios', nargs='+')
    args = parser.parse_args()
    for debugger in sorted({each.split(':')[0] for each in args.scenarios}):
        if not shutil.which(debugger):
            print('skip: no ' + debugger)
            return run.SKIP
    with tempfile.TemporaryDirectory(prefix='outside-') as folder:
        machine, status = start(args, folder)
        try:
            if status != 0:
                return status
            failed = play_all(args, folder)
        finally:
            machine.terminate()
            machine.wait()
    print('%s lane, debuggers outside: %d scenarios passed, %d failed%s' % (
        args.lane, len(args.scenarios) - len(failed), len(failed), ': ' + ' '.join(failed) if failed else ''))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
