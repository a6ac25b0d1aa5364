"""--gdb-allow-write=off: everything can be seen, and stops where it is asked to; nothing can be changed."""

OPTIONS = '--gdb-allow-write=off'


def play(s):
    s.connect()
    s.memory('&bytes[0]', [0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4])
    s.typed('gdb', 'set variable unused = 4711', r'Cannot access memory|may not be changed')
    s.typed('gdb', 'print $rip = 0x1000', r'may not be changed')
    s.typed('gdb', 'monitor reset', r'may not be changed')
    s.typed('lldb', 'expression unused = 4711', r'error: ')
    s.typed('lldb', 'register write rip 0x1000', r'error: ')
    s.variable('unused', 11)
    s.break_at('add')
    s.cont('breakpoint', at='add')
    s.stepi()
    s.finish(at='total')
    s.delete_all()
    s.cont('exit', status=6)
    s.trapline_ends(6)
