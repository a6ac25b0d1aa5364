#!/usr/bin/env python3
"""The style checks themselves: each finds what it looks for in a small bad tree, and nothing in a good one."""

import os
import subprocess
import sys
import tempfile
import unittest

import banned
import filemap
import headers
import layers
import matrix
import sizes
import symbols
import text

GOOD_C = '#include "base/error.h"\n\n/* sprintf(in a comment) */\nint base_f(void)\n{\n\treturn 0;\n}\n'


class Tree(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.root = self.dir.name
        self.write('src/base/error.h', '#ifndef BASE_ERROR_H\n#define BASE_ERROR_H\nint error_x(void);\n#endif\n')
        self.write('src/base/error.c', GOOD_C)
        self.write('include/trapline/rsp.h', 'int rsp_x(void);\n')
        self.write('ARCHITECTURE.md', '    src/base/error.[ch]   errors\n    include/trapline/rsp.h   the engine\n')

    def tearDown(self):
        self.dir.cleanup()

    def write(self, path, content):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, 'w', encoding='utf-8') as f:
            f.write(content)
        return full

    def complains(self, module, *words, args=()):
        """module finds exactly one fault per word, in order, and each complaint contains its word."""
        found = module.check(self.root, list(args))
        self.assertEqual(len(found), len(words), found)
        for complaint, word in zip(found, words):
            self.assertIn(word, complaint)

    def test_good_tree(self):
        for module in (banned, filemap, headers, layers, sizes, text):
            self.complains(module)

    def test_layers(self):
        self.write('src/mem/a.c', '#include "kvm/machine.h"\n')
        self.write('src/kvm/b.c', '#include <linux/kvm.h>\n#include "debug/target.h"\n#include "debug/session.h"\n')
        self.write('src/debug/c.c', '#include <linux/kvm.h>\n#include <trapline/rsp.h>\n#include "target.h"\n')
        self.write('src/rsp/d.c', '#include <stdio.h>\n#include <stdint.h>\n#include "base/error.h"\n')
        self.write('src/odd/e.c', '\n')
        self.complains(layers, 'only src/kvm', '"layer/target.h"', 'debug/session.h', 'kvm/machine.h',
                       'odd is not', '<stdio.h>', 'base/error.h')

    def test_banned(self):
        self.write('src/mem/a.c', 'int x = atoi(s);\nvoid f(void) { exit(1); p->exit(2); g("printf(3)"); }\n')
        self.write('src/cli/b.c', 'void f(void) { printf("x"); exit(1); }\n')
        self.complains(banned, 'a.c:1: atoi', 'a.c:2: exit')

    def test_sizes(self):
        self.write('src/mem/a.c', 'int f(void)\n{\n' + '\tg();\n' * 90 + '}\n')
        self.write('src/mem/b.c', 'int x;\n' * 501)
        self.complains(sizes, 'b.c:1: 501 lines', 'f() has', 'p90')

    def test_filemap(self):
        self.write('src/base/new.c', '\n')
        self.write('ARCHITECTURE.md', '    src/base/error.[ch]   errors\n    src/base/gone.c   x\n'
                                      '    include/trapline/rsp.h\n')
        self.complains(filemap, 'src/base/new.c: has no line', 'src/base/gone.c does not exist', 'no description')

    def test_matrix(self):
        head = '## Rows of the matrix\n\n| Feature | | Remark | Tests |\n|---|---|---|---|\n'
        self.write('tests/debugger/meson.build', "'break': both, 'dump': ['gdb'],\n")
        self.write('tests/debugger/scenarios/break.py', '')
        self.write('tests/debugger/scenarios/dump.py', '')
        self.write('tests/rsp/acks.test', '')
        self.write('doc/packets.md', head + '| a | yes | | lldb:break rsp:acks |\n| b | no | why | gdb:dump |\n')
        self.complains(matrix)
        self.write('doc/packets.md', head + '| a | yes | | lldb:dump |\n| b | no | | rsp:acks |\n| c | yes | | |\n'
                                            '| d | maybe | | rsp:acks |\n| e | yes | | rsp:x |\n')
        self.complains(matrix, 'a: there is no test lldb:dump', 'without a reason', 'c: no test', 'd: not feature',
                       'no test rsp:x')

    def test_headers(self):
        self.write('src/base/needy.h', 'size_t error_y(void);\n')
        self.complains(headers, 'needy.h: does not compile alone')

    def test_text(self):
        self.write('a.md', 'blank \nno end')
        self.write('src/base/long.c', '/*' + 'x' * 110 + '*/\n')
        self.write('b.py', 'def f(:\n')
        self.write('c.sh', 'cd /ho' + 'me/someone\n# TO' + 'DO\n')
        self.complains(text, 'no newline', 'trailing', 'python', 'one machine', 'unfinished', '110 columns')

    def test_symbols(self):
        source = self.write('x.c', 'int rsp_ok(void); int other(void); extern int puts(const char *);\n'
                                   'int rsp_ok(void) { return puts("x"); } int other(void) { return 1; }\n')
        library = os.path.join(self.root, 'librsp.a')
        subprocess.run(['cc', '-c', source, '-o', self.root + '/x.o'], check=True)
        subprocess.run(['ar', 'rc', library, self.root + '/x.o'], check=True)
        self.complains(symbols, 'exports other', 'needs puts', args=[library])


if __name__ == '__main__':
    sys.dont_write_bytecode = True
    unittest.main()
