#!/usr/bin/env python3
"""Every text file: no trailing blanks, a newline at the end, no path of somebody's machine, no unfinished
marks; C lines at most 110 columns with tabs of 8; Python that compiles."""

import re
import sys

import tree

MAX_COLUMNS = 110
BINARY = ('.bin', '.elf', '.gz', '.png', '.core')
# Written in pieces so that this file passes its own check.
MACHINE_PATH = re.compile('/wor' + r'k/|/tm' + r'p/(?:b-|build)|/roo' + r't/|/hom' + r'e/\w')
UNFINISHED = re.compile(r'\b(?:TO' + r'DO|FIX' + r'ME|XX' + r'X)\b')
DATA = ('tests/fuzz/corpus/', 'tests/golden/')


def complaints_about(path, text):
    if text and not text.endswith('\n'):
        yield 1, 'no newline at the end of the file'
    is_c = path.endswith(('.c', '.h', '.S'))
    for number, line in enumerate(text.splitlines(), 1):
        if line != line.rstrip():
            yield number, 'trailing blanks'
        if MACHINE_PATH.search(line):
            yield number, 'a path of one machine'
        if UNFINISHED.search(line):
            yield number, 'unfinished: do it, or write an issue'
        if is_c and len(line.expandtabs(8)) > MAX_COLUMNS:
            yield number, 'over %d columns' % MAX_COLUMNS
    if path.endswith('.py'):
        try:
            compile(text, path, 'exec')
        except SyntaxError as e:
            yield e.lineno, 'python: %s' % e.msg


def check(root, args):
    del args
    complaints = []
    for path in tree.files(root, '.'):
        if path.endswith(BINARY) or path.startswith(DATA):
            continue
        try:
            text = tree.read(root, path)
        except UnicodeDecodeError:
            complaints.append('%s:1: not UTF-8' % path)
            continue
        complaints += ['%s:%d: %s' % (path, number, what) for number, what in complaints_about(path, text)]
    return complaints


if __name__ == '__main__':
    tree.main(check, sys.argv)
