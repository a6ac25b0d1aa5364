"""tbreak and thbreak stop once; display prints at each stop; ignore counts are honoured."""


def play(s):
    s.connect()
    s.typed('gdb', 'tbreak total', r'Temporary breakpoint 1 at')
    s.cont('step', at='total').says(r'Temporary breakpoint 1, total')
    s.typed('gdb', 'thbreak add', r'Hardware assisted breakpoint 2 at')
    s.cont('step', at='add', line='add-first').says(r'Temporary breakpoint 2, add')
    s.typed('gdb', 'display b', r'1: b = 1')
    s.typed('gdb', 'next', r'1: b = 1')
    s.break_at('add')
    s.typed('gdb', 'ignore 3 1', r'Will ignore next')
    s.cont('breakpoint', at='add', line='add-first').says(r'1: b = 3')
    s.delete_all()
    s.cont('exit', status=6)
