"""generate-core-file writes a core that GDB opens again: registers, and the image's memory.

The stack is not in it: GDB learns of that from a list of mappings, which a machine has not.
"""


def play(s):
    s.connect()
    s.break_at('add')
    s.cont('breakpoint', at='add', line='add-first')
    s.set_variable('unused', 4711)
    s.typed('gdb', 'generate-core-file guest.core', r'Saved corefile guest.core')
    s.kill()
    s.again()
    s.typed('gdb', 'core-file guest.core', r'#0 .*add \(')
    s.variable('unused', 4711)
    s.typed('gdb', 'print $rip > (long)&add && $rip < (long)&total', r'= 1')
    s.typed('gdb', 'info threads', r'\* 1 ')
