"""The backtrace reaches the first frame; each frame shows its own arguments and locals."""


def play(s):
    s.connect()
    s.break_at('add')
    s.cont('breakpoint', at='add')
    s.cont('breakpoint', at='add')
    s.cont('breakpoint', at='add')
    s.backtrace('add', 'total', 'calls', 'guest_main', '_start')
    s.variable('a', 3)
    s.variable('b', 3)
    s.frame(1)
    s.variable('i', 3)
    s.variable('result', 3)
    s.variable('n', 3)
    s.frame(0)
    s.variable('a', 3)
    s.kill()
