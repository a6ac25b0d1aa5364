#!/usr/bin/env python3
"""Includes point down only: the table of DESIGN, "Layers" in ARCHITECTURE.md, against the #include lines."""

import re
import sys

import tree

# Layer -> what it may include besides itself; "x/y.h" allows that one header of x.
ALLOWED = {
    'base': set(),
    'rsp': set(),
    'mem': {'base'},
    'x86': {'base'},
    'boot': {'x86', 'mem', 'base'},
    'dev': {'mem', 'base'},
    'debug': {'trapline', 'rsp', 'x86', 'mem', 'base'},
    'server': {'trapline', 'rsp', 'base'},
    'kvm': {'debug/target.h', 'dev/bus.h', 'x86', 'mem', 'base'},
    'cli': {'trapline', 'rsp', 'server', 'debug', 'kvm', 'dev', 'boot', 'x86', 'mem', 'base'},
}
OWN_PUBLIC = {'rsp': 'trapline'}

# librsp must build for bare metal: only headers that a freestanding compiler has, and mem*/strlen.
RSP_SYSTEM = {'limits.h', 'stdalign.h', 'stdarg.h', 'stdbool.h', 'stddef.h', 'stdint.h', 'string.h'}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.M)


def complaint_about(layer, header, quoted):
    """Why a file of `layer` may not include `header`, or None."""
    first = header.split('/')[0]
    if not quoted and first != 'trapline':
        if header == 'linux/kvm.h' and layer != 'kvm':
            return 'only src/kvm may include <linux/kvm.h>'
        if layer == 'rsp' and header not in RSP_SYSTEM:
            return 'src/rsp is freestanding: no <%s>' % header
        return None
    if '/' not in header:
        return 'write "%s" as "layer/%s"' % (header, header)
    if first == layer or first == OWN_PUBLIC.get(layer):
        return None
    if first in ALLOWED[layer] or header in ALLOWED[layer]:
        return None
    return 'layer %s may not include %s' % (layer, header)


def check(root, args):
    del args
    complaints = []
    for path in tree.files(root, 'src', '.c', '.h'):
        layer = path.split('/')[1]
        if layer not in ALLOWED:
            complaints.append('%s:1: %s is not a layer' % (path, layer))
            continue
        text = tree.read(root, path)
        for match in INCLUDE.finditer(text):
            why = complaint_about(layer, match.group(2), match.group(1) == '"')
            if why:
                complaints.append('%s:%d: %s' % (path, tree.line_of(text, match.start()), why))
    return complaints


if __name__ == '__main__':
    tree.main(check, sys.argv)
