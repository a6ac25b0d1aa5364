"""A position-independent kernel without a word about its ELF: the stub tells the path and the place."""

GUEST = 'pie'
SYMBOLS = False


def play(s):
    s.connect()
    s.where('_start')
    s.break_at('add')
    s.cont('breakpoint', at='add', line='add-first')
    s.variable('b', 1)
    s.backtrace('add', 'total', 'calls', 'guest_main', '_start')
    s.delete_all()
    s.cont('exit', status=6)
