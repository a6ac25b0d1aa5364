#!/usr/bin/env python3
"""Plays debugger scenarios under GDB in a nested machine, in one boot, and judges each.

usage: lane.py --lane svm|vmx --trapline PROGRAM --guest ELF --smp-guest ELF SCENARIO...

Exit status: 0 all passed, 1 some failed (each is named), 77 the lane cannot run here.
"""

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile

sys.dont_write_bytecode = True
import run  # noqa: E402

LIMIT = 1150  # seconds for the machine and all it plays; one processor (tests/vm/meson.build)
WITH_KVM = os.path.join(run.HERE, '..', 'rig', 'with-kvm')
TOOLS = [os.path.join(run.HERE, name) for name in ('lane.sh', 'session.sh', 'poke.sh', 'await.sh')]


def play_all(args, folder):
    """Runs lane.sh on folder in the lane and unpacks what it brings back.  Returns with-kvm's exit status."""
    packed = os.path.join(folder, 'all.tgz')
    scripts = [os.path.join(folder, name, each) for name in args.scenarios
               for each in sorted(os.listdir(os.path.join(folder, name)))]
    files = [args.trapline, args.guest, args.guest + '_pie', args.smp_guest, *TOOLS, *scripts]
    done = subprocess.run([WITH_KVM, '--lane', args.lane, '--cpus', '1', '--with-gdb', '--timeout', str(LIMIT),
                           '--bring', packed + ':' + packed, '--files', *files, '--', 'sh', TOOLS[0], folder, args.trapline],
                          check=False)
    if os.path.exists(packed):
        with tarfile.open(packed) as tar:
            tar.extractall(folder)
    elif done.returncode != run.SKIP:
        print('with-kvm ended with status %d and brought nothing back' % done.returncode)
        sys.exit(1)
    return done.returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--lane', required=True)
    parser.add_argument('--trapline', required=True)
    parser.add_argument('--guest', required=True)
    parser.add_argument('--smp-guest', required=True)
    parser.add_argument('scenarios', nargs='+')
    args = parser.parse_args()
    args.trapline, args.guest, args.debugger = os.path.abspath(args.trapline), os.path.abspath(args.guest), 'gdb'
    args.smp_guest = os.path.abspath(args.smp_guest)

    with tempfile.TemporaryDirectory(prefix='scenario-') as folder:
        plays = {}
        for name in args.scenarios:
            os.mkdir(os.path.join(folder, name))
            plays[name] = run.prepare(args, name, os.path.join(folder, name))
        status = play_all(args, folder)
        if status == run.SKIP:
            return run.SKIP
        failed = [name for name, play in plays.items()
                  if not run.report(args, name, play, os.path.join(folder, name))]
        print('%s lane: %d scenarios passed, %d failed%s' % (
            args.lane, len(plays) - len(failed), len(failed), ': ' + ' '.join(failed) if failed else ''))
        return 1 if failed or status else 0


if __name__ == '__main__':
    sys.exit(main())
