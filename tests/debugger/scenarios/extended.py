"""extended-remote: run starts the guest again, with new arguments too; breakpoints stay; kill ends it."""

MODE = 'calls'


def play(s):
    s.typed('gdb', 'target extended-remote @TARGET@', r'_start \(\)')
    s.break_at('add')
    s.cont('breakpoint', at='add')
    s.variable('b', 1)
    s.cont('breakpoint', at='add')
    s.variable('b', 2)
    s.typed('gdb', 'run', r'Breakpoint 1, add \(a=0, b=1\)')
    s.delete_all()
    s.typed('gdb', 'run access', r'exited with code 014')
    s.typed('gdb', 'run calls', r'exited with code 06')
    s.break_at('access')
    s.typed('gdb', 'run access', r'Breakpoint \d+, access')
    s.kill()
    s.trapline_ends(137)
