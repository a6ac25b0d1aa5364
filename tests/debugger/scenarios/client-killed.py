"""A debugger that dies takes nothing with it: its breakpoints go, the next one connects to the same guest."""

MODE = 'spin'
GDB = 'attach'


def play(s):
    s.connect()
    s.break_at('leave')
    s.die()
    s.again()
    s.connect()
    s.set_variable('spinning', 0)
    s.cont('exit', status=3)
    s.trapline_ends(3)
