"""A position-independent kernel: symbols of the ELF on the command line stand where it was loaded."""

GUEST = 'pie'


def play(s):
    s.connect()
    s.where('_start')
    s.break_at('add')
    s.cont('breakpoint', at='add', line='add-first')
    s.variable('b', 1)
    s.backtrace('add', 'total', 'calls', 'guest_main', '_start')
    s.memory('&bytes[0]', [0xde, 0xad, 0xbe, 0xef])
    s.delete_all()
    s.cont('exit', status=6)
