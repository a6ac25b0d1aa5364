#!/usr/bin/env python3
"""No function over 80 lines, p90 at most 45; no file over 500 lines but those listed here with a reason."""

import re
import subprocess
import sys

import tree

MAX_FUNCTION = 80
MAX_P90 = 45
MAX_FILE = 500

# path -> why it is better in one piece
LONG_FILES = {}


def functions(root, paths):
    """[(lines, path, first line, name)] by Universal Ctags."""
    listing = subprocess.run(['ctags', '-o', '-', '--sort=no', '--languages=C', '--langmap=C:.c.h',
                              '--c-kinds=f', '--fields=+ne', '-L', '-'],
                             cwd=root, input='\n'.join(paths), capture_output=True, text=True, check=True)
    found = []
    for row in listing.stdout.splitlines():
        if row.startswith('!_'):
            continue
        fields = row.split('\t')
        at = {k: int(v) for k, v in re.findall(r'\t(line|end):(\d+)', row)}
        if 'end' in at:
            found.append((at['end'] - at['line'] + 1, fields[1], at['line'], fields[0]))
    return found


def check(root, args):
    del args
    paths = tree.files(root, 'src', '.c', '.h') + tree.files(root, 'include', '.h')
    complaints = []
    for path in paths:
        lines = tree.read(root, path).count('\n')
        if lines > MAX_FILE and path not in LONG_FILES:
            complaints.append('%s:1: %d lines; split it (limit %d)' % (path, lines, MAX_FILE))
    complaints += ['%s: in the list of long files, but it is not there' % path
                   for path in LONG_FILES if path not in paths]
    found = sorted(functions(root, paths), reverse=True)
    for lines, path, at, name in found:
        if lines > MAX_FUNCTION:
            complaints.append('%s:%d: %s() has %d lines (limit %d)' % (path, at, name, lines, MAX_FUNCTION))
    if found:
        p90 = found[len(found) // 10][0]
        print('%d functions: median %d, p90 %d, longest %d lines (%s)'
              % (len(found), found[len(found) // 2][0], p90, found[0][0], found[0][3]))
        if p90 > MAX_P90:
            complaints.append('src: the p90 of function lengths is %d (limit %d)' % (p90, MAX_P90))
    return complaints


if __name__ == '__main__':
    tree.main(check, sys.argv)
