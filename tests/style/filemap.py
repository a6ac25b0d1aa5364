#!/usr/bin/env python3
"""ARCHITECTURE.md has one line for every C file of src/ and include/, and no line for a missing one.

The map is made of lines "    path   what it is" inside its code blocks; x.[ch] stands for x.c and x.h.
"""

import re
import sys

import tree

ROW = re.compile(r'^\s*((?:src|include)/[\w./\[\]-]+\.(?:\[ch\]|c|h))(?:\s+(\S.*))?$')


def mapped(text):
    """{path: (line number, description)}"""
    rows = {}
    for number, line in enumerate(text.splitlines(), 1):
        match = ROW.match(line)
        if not match:
            continue
        name = match.group(1)
        names = [name[:-4] + end for end in 'ch'] if name.endswith('[ch]') else [name]
        for each in names:
            rows[each] = (number, match.group(2) or '')
    return rows


def check(root, args):
    del args
    rows = mapped(tree.read(root, 'ARCHITECTURE.md'))
    there = set(tree.files(root, 'src', '.c', '.h') + tree.files(root, 'include', '.h'))
    complaints = ['%s: has no line in ARCHITECTURE.md' % path for path in sorted(there - set(rows))]
    complaints += ['ARCHITECTURE.md:%d: %s does not exist' % (rows[path][0], path)
                   for path in sorted(set(rows) - there)]
    complaints += ['ARCHITECTURE.md:%d: %s has no description' % (at, path)
                   for path, (at, what) in sorted(rows.items()) if not what]
    return complaints


if __name__ == '__main__':
    tree.main(check, sys.argv)
