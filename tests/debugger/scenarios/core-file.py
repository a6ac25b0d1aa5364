"""generate-core-file writes a core that GDB opens again: registers, stack, and all else that is mapped."""

OPTIONS = '--memory=4M'  # all of it is written, over slow lines in the nested machines


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
    s.backtrace('add', 'total', 'calls', 'guest_main', '_start')
    s.typed('gdb', 'frame 1', r'#1 ')
    s.variable('n', 3)
    # Nothing of the debugger is in it.
    s.typed('gdb', 'print *(unsigned char *)&add == 0xcc', r'= 0')
