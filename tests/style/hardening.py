#!/usr/bin/env python3
"""The program is position independent, has no writable code or late binding, and stack protectors; our own
objects carry the CET note.

usage: hardening.py ROOT PROGRAM LIBRARY...
"""

import re
import subprocess
import sys

import tree


def readelf(*args):
    return subprocess.run(['readelf', '-W', *args], capture_output=True, text=True, check=True).stdout


def check(root, args):
    del root
    program, libraries = args[0], args[1:]
    complaints = []

    def need(ok, what):
        if not ok:
            complaints.append('%s: %s' % (program, what))

    segments, dynamic = readelf('-l', program), readelf('-d', program)
    need(re.search(r'Type:\s+DYN', readelf('-h', program)), 'is not position independent')
    need('GNU_RELRO' in segments, 'has no RELRO segment')
    need(re.search(r'BIND_NOW|FLAGS.*\bNOW\b', dynamic), 'binds late: no BIND_NOW')
    need(re.search(r'GNU_STACK.*\bRW\b', segments), 'has an executable stack')
    need(not re.search(r'LOAD.*\bRWE\b', segments), 'has a segment that is writable and executable')
    need('TEXTREL' not in dynamic, 'has text relocations')
    need(not re.search(r'R(UN)?PATH', dynamic), 'has a library search path')
    need('__stack_chk_fail' in readelf('--dyn-syms', program), 'has no stack protector')
    complaints += ['%s: objects without the CET note (-fcf-protection)' % library for library in libraries
                   if readelf('-h', library).count('Class:') != readelf('-n', library).count('IBT, SHSTK')]
    return complaints


if __name__ == '__main__':
    tree.main(check, sys.argv)
