#!/usr/bin/env python3
"""Calls that src/ does without, and those that only the command line may make."""

import re
import sys

import tree

# Name -> what to use instead.
EVERYWHERE = {
    'sscanf': 'base/parse.h', 'strtol': 'base/parse.h', 'strtoul': 'base/parse.h',
    'strtoll': 'base/parse.h', 'strtoull': 'base/parse.h', 'atoi': 'base/parse.h', 'atol': 'base/parse.h',
    'sprintf': 'snprintf', 'vsprintf': 'vsnprintf', 'strcpy': 'snprintf', 'strcat': 'snprintf',
    'strncpy': 'snprintf', 'gets': 'read', 'alloca': 'a bounded array', 'system': 'posix_spawn',
    'popen': 'posix_spawn', 'sleep': 'an event', 'usleep': 'an event', 'signal': 'sigaction',
    'assert': 'an error, or _Static_assert',
}
ONLY_CLI = {
    'exit': 'return an error', '_exit': 'return an error', 'abort': 'return an error',
    'err': 'return an error', 'errx': 'return an error', 'perror': 'return an error',
    'printf': 'struct error or log_*', 'fprintf': 'struct error or log_*', 'puts': 'struct error or log_*',
    'fputs': 'struct error or log_*', 'putchar': 'struct error or log_*',
}
# The one place below cli that writes to stderr.
PRINTS = {'src/base/log.c'}

CALL = re.compile(r'(?<![\w.>])([A-Za-z_]\w*)[ \t]*\(')


def check(root, args):
    del args
    complaints = []
    for path in tree.files(root, 'src', '.c', '.h'):
        code = tree.c_code(tree.read(root, path))
        free_to_print = path.startswith('src/cli/') or path in PRINTS
        for match in CALL.finditer(code):
            name = match.group(1)
            instead = EVERYWHERE.get(name) or (None if free_to_print else ONLY_CLI.get(name))
            if instead:
                complaints.append('%s:%d: %s() is banned here; use %s'
                                  % (path, tree.line_of(code, match.start()), name, instead))
    return complaints


if __name__ == '__main__':
    tree.main(check, sys.argv)
