"""--gdb: a guest that waited for its debugger waits for the next one when that one dies."""


def play(s):
    s.connect()
    s.break_at('add')
    s.cont('breakpoint', at='add')
    s.die()
    s.again()
    s.connect()
    s.where('add', 'add-first')
    s.cont('exit', status=6)
    s.trapline_ends(6)
