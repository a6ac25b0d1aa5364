"""A breakpoint is reached, again after `continue`, and is gone when deleted; the guest's exit status arrives."""


def play(s):
    s.connect()
    s.where('_start')
    s.break_at('add')
    s.cont('breakpoint', at='add', line='add-first')
    s.variable('b', 1)
    s.cont('breakpoint', at='add', line='add-first')
    s.variable('b', 2)
    s.delete_all()
    s.cont('exit', status=6)
    s.trapline_ends(6)
    s.output('calls done\n')
