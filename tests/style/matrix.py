#!/usr/bin/env python3
"""The feature rows of doc/packets.md ("Rows of the matrix"): each has a verdict, a reason where it is no plain
yes, and tests that exist.

usage: matrix.py ROOT

A test is KIND:NAME, with KIND one of
  gdb, lldb, newest-lldb, gdb-multiarch   a scenario that tests/debugger/meson.build lists for that debugger
  rsp       a transcript           session   a session with the fake machine
  vm        a table of tiny guests unit      LAYER/NAME of a unit test        cli   a file of cases
"""

import os
import re
import sys

import tree

HEADING = 'Rows of the matrix'
VERDICTS = ('yes', 'in part', 'no', '-')
FILES = {'rsp': 'tests/rsp/%s.test', 'session': 'tests/unit/debug/%s.session', 'vm': 'tests/vm/%s.vm',
         'cli': 'tests/cli/cases/%s.py'}


def rows(text):
    """Cells of each row of the section, without heads and rules."""
    section = re.search(r'^## %s$(.*?)(?=^## |\Z)' % HEADING, text, re.M | re.S)
    for line in section.group(1).splitlines() if section else ():
        cells = [cell.strip() for cell in line.split('|')[1:-1]]
        if cells and cells[0] != 'Feature' and not cells[0].startswith('--'):
            yield cells


def scenarios(meson):
    """{debugger: names} of tests/debugger/meson.build."""
    found = {'gdb': set(), 'lldb': set()}
    for name, debuggers in re.findall(r"'([\w-]+)': (both|\['\w+'\])", meson):
        for debugger in ('gdb', 'lldb'):
            if debuggers == 'both' or debugger in debuggers:
                found[debugger].add(name)
    for program, names in re.findall(r"'([\w-]+)': \['\w+', \[(.*?)\]\]", meson, re.S):
        found[program] = set(re.findall(r"'([\w-]+)'", names))
    return found


def exists(root, played, test):
    kind, _, name = test.partition(':')
    if kind in played:
        return name in played[kind] and os.path.exists(os.path.join(root, 'tests/debugger/scenarios', name + '.py'))
    if kind == 'unit':
        layer, _, name = name.partition('/')
        return os.path.exists(os.path.join(root, 'tests/unit', layer, 'test_%s.c' % name))
    return kind in FILES and os.path.exists(os.path.join(root, FILES[kind] % name))


def about(root, played, cells):
    """What is wrong with one row."""
    if len(cells) != 4 or cells[1] not in VERDICTS:
        yield '%s: not feature, verdict, remark, tests' % cells[0]
        return
    feature, verdict, remark, tests = cells
    if verdict != 'yes' and not remark:
        yield '%s: "%s" without a reason' % (feature, verdict)
    if not tests:
        yield '%s: no test' % feature
    for test in tests.split():
        if not exists(root, played, test):
            yield '%s: there is no test %s' % (feature, test)


def read(root, path):
    try:
        with open(os.path.join(root, path), encoding='utf-8') as file:
            return file.read()
    except FileNotFoundError:
        return ''


def check(root, args):
    del args
    played = scenarios(read(root, 'tests/debugger/meson.build'))
    return ['doc/packets.md: ' + what for cells in rows(read(root, 'doc/packets.md'))
            for what in about(root, played, cells)]


if __name__ == '__main__':
    tree.main(check, sys.argv)
