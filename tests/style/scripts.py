#!/usr/bin/env python3
"""Shell scripts pass shellcheck, the manual pages mandoc's lint.  Exit status 77 where neither tool exists."""

import shutil
import subprocess
import sys

import tree


def shell_scripts(root):
    found = []
    for path in tree.files(root, '.'):
        try:
            with open(root + '/' + path, 'rb') as f:
                first = f.readline(80)
        except OSError:
            continue
        if path.endswith('.sh') or (first.startswith(b'#!') and first.rstrip().endswith((b'/sh', b'bash', b'sh -e'))):
            found.append(path)
    return found


def run(root, command):
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else (done.stdout + done.stderr).splitlines()


def check(root, args):
    del args
    complaints = []
    if shutil.which('shellcheck'):
        complaints += run(root, ['shellcheck', '-x', '--format=gcc', *shell_scripts(root)])
    pages = tree.files(root, 'doc', '.1')
    if shutil.which('mandoc') and pages:
        complaints += run(root, ['mandoc', '-T', 'lint', '-W', 'warning', *pages])
    return complaints


if __name__ == '__main__':
    if not shutil.which('shellcheck') and not shutil.which('mandoc'):
        print('neither shellcheck nor mandoc is installed')
        sys.exit(77)
    tree.main(check, sys.argv)
