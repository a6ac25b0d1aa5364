#!/usr/bin/env python3
"""Debian's cloud kernel under GDB, from the first instruction on: what a user of Linux types.

usage: debug_test.py TRAPLINE

The kernel is booted unpacked, by PVH, as far as a KVM that interprets ring 0 brings it in a few seconds.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import kernel_files  # noqa: E402
from nested.errors import Problem, missing  # noqa: E402

COMMON = """set pagination off
set confirm off
target remote gdb.sock
"""
# start_kernel is not mapped yet: without the *, GDB would look at its prologue.
EARLY = """monitor kaslr
hbreak *start_kernel
continue
monitor kaslr
x/2i $pc
delete
stepi
stepi
"""
PLAY = EARLY + """break *cgroup_init_early
continue
finish
info symbol $pc
info threads
kill
"""
AT_START = ['Breakpoint 1, 0x[0-9a-f]+ in start_kernel ()', r'=> 0x[0-9a-f]+ <start_kernel>',
            'nokaslr is on the command line: the slide will be 0', 'physical: _text is at 0x1000000, slide 0x0',
            'slide 0: the symbols are right']
WANTED = AT_START + [r'Breakpoint 2, 0x[0-9a-f]+ in cgroup_init_early \(\)', r'start_kernel \+ \d+ in section',
                     r'\* 1 +Thread 1', 'killed']


def play(trapline, folder):
    """GDB learns the symbols from the stub alone (qXfer:exec-file)."""
    files = kernel_files.folder()
    with open(os.path.join(folder, 'play.gdb'), 'w', encoding='ascii') as out:
        out.write(COMMON + PLAY)
    child = subprocess.Popen([trapline, 'run', '-m', '128M', '--gdb=unix:gdb.sock', '--symbols',
                              os.path.join(files, 'vmlinux.symbols'), os.path.join(files, 'vmlinux'),
                              '--append', 'console=ttyS0 quiet nokaslr'],
                             cwd=folder, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    told = child.stderr.readline()
    done = subprocess.run(['gdb', '-nx', '-q', '-batch', '-x', 'play.gdb'], cwd=folder, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, errors='replace', check=False)
    if child.poll() is None and 'killed' not in done.stdout:
        child.kill()
    status = child.wait()
    missing_texts = [text for text in WANTED if not re.search(text, done.stdout + done.stderr)]
    if status == 137 and not missing_texts:
        return 0
    print(told, child.stderr.read(), done.stdout, done.stderr, sep='\n')
    print('status', status, 'missing:', missing_texts)
    return 1


def main(trapline):
    try:
        if not os.access('/dev/kvm', os.R_OK | os.W_OK) or not shutil.which('gdb'):
            raise missing('no /dev/kvm, or no gdb')
        with tempfile.TemporaryDirectory(prefix='trapline-linux-') as folder:
            return play(trapline, folder)
    except Problem as problem:
        print(problem)
        return problem.status


if __name__ == '__main__':
    sys.exit(main(os.path.abspath(sys.argv[1])))
