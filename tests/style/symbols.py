#!/usr/bin/env python3
"""What each layer's library exports begins with the layer's names; what librsp needs from outside is next to
nothing.

usage: symbols.py ROOT LIBRARY...   (libbase.a, librsp.a, ...)
"""

import os
import re
import subprocess
import sys

import tree

PREFIXES = {
    'base': ('error_', 'log_', 'parse_', 'bytes_', 'crc32_', 'records_'),
    'mem': ('guest_mem_', 'page_store_', 'page_image_', 'snapfile_'),
}
# A plain librsp calls these and nothing else; the last ones come from the hardening flags.
RSP_NEEDS = re.compile(r'^(mem(cpy|move|set|cmp|chr)|strlen|__mem(cpy|move|set)_chk|__stack_chk_fail'
                       r'|_GLOBAL_OFFSET_TABLE_|rsp_\w+)$')


def names(library, *options):
    listing = subprocess.run(['nm', '-P', *options, library], capture_output=True, text=True, check=True)
    rows = [line.split() for line in listing.stdout.splitlines()]
    return sorted({row[0] for row in rows if len(row) >= 2})


def check(root, args):
    del root
    complaints = []
    for library in args:
        layer = re.sub(r'^lib|\.a$', '', os.path.basename(library)).replace('trapline-', '')
        prefixes = PREFIXES.get(layer, (layer + '_',))
        for name in names(library, '--extern-only', '--defined-only'):
            if not name.startswith(prefixes):
                complaints.append('%s: exports %s; its names begin with %s'
                                  % (library, name, ' or '.join(prefixes)))
        if layer == 'rsp':
            complaints += ['%s: needs %s, which a bare-metal stub has not' % (library, name)
                           for name in names(library, '--undefined-only') if not RSP_NEEDS.match(name)]
    return complaints


if __name__ == '__main__':
    tree.main(check, sys.argv)
