"""monitor reset brings the guest back to its first instruction, breakpoints stay."""


def play(s):
    s.connect()
    s.break_at('add')
    s.cont('breakpoint', at='add')
    s.monitor('reset')
    s.typed('gdb', 'maintenance flush register-cache')
    s.register('rip', 0x200000)
    s.kill()
