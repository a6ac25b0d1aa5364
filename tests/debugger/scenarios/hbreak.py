"""A hardware breakpoint stops at its address each time, and lets go when resumed or stepped from."""


def play(s):
    s.connect()
    s.hbreak_at('add')
    s.cont('breakpoint', at='add', line='add-first')
    s.variable('b', 1)
    s.stepi(at='add')
    s.cont('breakpoint', at='add', line='add-first')
    s.variable('b', 2)
    s.cont('breakpoint', at='add', line='add-first')
    s.variable('b', 3)
    s.cont('exit', status=6)
