#!/usr/bin/env python3
"""Debian's cloud kernel in trapline in the svm lane: from the bzImage to a shell on ttyS0, looked at, powered off.

usage: linux_test.py TRAPLINE
"""

import datetime
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
RIG = os.path.join(os.path.dirname(HERE), 'rig')
sys.path.insert(0, RIG)

import kernel_files  # noqa: E402
from nested import packages  # noqa: E402
from nested.errors import Problem  # noqa: E402
from nested.initramfs import Initramfs  # noqa: E402

INIT = b"""#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
echo "command line $(cat /proc/cmdline)"
echo "year $(date +%Y)"
echo "a shell follows"
setsid cttyhack sh
poweroff -f
"""
# The year by the CMOS clock; the lane's own comes from here the same way.
YEAR = datetime.datetime.now(datetime.timezone.utc).year
# Moved by KASLR; both CPUs of the guest stand in the idle loop, where the moved symbols say so.
WANTED = [r'\nslide 0x[0-9a-f]*00000; type\n|\nslide 0: ', 'physical: _text is at 0x',
          r'\n\w*(idle|halt|hlt)\w* \+ \d+ in section',
          r'\n\* 1 +Thread .*(idle|halt|hlt)', r'\n  2 +Thread .*(idle|halt|hlt)',
          'year %d' % YEAR, 'command line console=ttyS0 quiet panic=-1 mark',
          'shell says 42', 'cpus 2', 'reboot: Power down', "trapline's status 0"]


def make_initrd(path):
    image = Initramfs()
    for folder in ('/proc', '/dev', '/bin'):
        image.add_dir(folder)
    image.add_device('/dev/console', 5, 1)
    image.add_host(packages.find_program('busybox'), '/bin/busybox')
    image.add_bytes('/init', INIT, 0o755)
    with open(path, 'wb') as out:
        image.write(out)


def main(trapline):
    rig = os.path.join(RIG, 'with-kvm')
    try:
        packages.check_lane('svm')
        kernel = os.path.join(packages.kernel(), 'vmlinuz')
        symbols = os.path.join(kernel_files.folder(), 'vmlinux.symbols')
    except Problem as problem:
        print(problem)
        return problem.status
    with tempfile.TemporaryDirectory(prefix='trapline-linux-') as folder:
        initrd = os.path.join(folder, 'initrd')
        make_initrd(initrd)
        done = subprocess.run([rig, '--lane', 'svm', '--timeout', '560', '--with-gdb', '--',
                               os.path.join(HERE, 'session.sh'), symbols, trapline, 'run', '-c', '2', '-m', '256M', '--gdb-attach=unix:/run/gdb.sock',
                               '--symbols', symbols, kernel, '--initrd', initrd,
                               '--append', 'console=ttyS0 quiet panic=-1', '--', 'mark'],
                              capture_output=True, text=True, errors='replace', check=False)
    missing = [text for text in WANTED if not re.search(text, done.stdout)]
    if done.returncode == 0 and not missing:
        return 0
    print(done.stdout, done.stderr, sep='\n')
    print('status', done.returncode, 'missing:', missing)
    return 1


if __name__ == '__main__':
    sys.exit(main(os.path.abspath(sys.argv[1])))
