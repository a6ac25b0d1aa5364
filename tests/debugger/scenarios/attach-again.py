"""--gdb-attach: a running guest is stopped by attaching, runs on after detach, and is attached to again."""

MODE = 'spin'
GDB = 'attach'


def play(s):
    s.connect()
    s.break_at('add')
    s.detach()
    s.again()
    s.connect()
    s.set_variable('spinning', 0)
    s.detach()
    s.trapline_ends(3)
    s.output('released\n')
