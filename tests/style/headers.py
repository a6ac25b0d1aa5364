#!/usr/bin/env python3
"""Each header compiles alone; the public ones as plain C11 and, where there is a C++ compiler, as C++.

usage: headers.py ROOT COMPILER...
"""

import os
import shutil
import subprocess
import sys

import tree


def complaint_about(root, path, command):
    run = subprocess.run(command + ['-fsyntax-only', '-Wall', '-Wextra', '-Werror', '-I', 'src', '-I', 'include',
                                    '-'],
                         cwd=root, capture_output=True, text=True, check=False,
                         input='#include "%s"\n' % path.split('/', 1)[1])
    return None if run.returncode == 0 else '%s: does not compile alone\n%s' % (path, run.stderr)


def check(root, args):
    cc = args or ['cc']
    jobs = [(path, cc + ['-std=gnu11', '-D_GNU_SOURCE', '-x', 'c']) for path in tree.files(root, 'src', '.h')]
    for path in tree.files(root, 'include', '.h'):
        jobs.append((path, cc + ['-std=c11', '-pedantic', '-x', 'c']))
        if shutil.which('c++'):
            jobs.append((path, ['c++', '-std=c++11', '-x', 'c++']))
    complaints = [complaint_about(root, path, command) for path, command in jobs]
    return [c for c in complaints if c]


if __name__ == '__main__':
    tree.main(check, [sys.argv[0], os.path.abspath(sys.argv[1])] + sys.argv[2:])
