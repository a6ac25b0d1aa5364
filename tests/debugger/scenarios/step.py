"""Source lines: step goes into a call, next over it, finish out to the caller."""


def play(s):
    s.connect()
    s.break_at('calls')
    s.cont('breakpoint', at='calls', line='calls-total')
    s.step(at='total')
    s.next()
    s.next(at='total', line='total-call')
    s.step(at='add', line='add-first')
    s.next(at='add', line='add-return')
    s.variable('sum', 1)
    s.finish(at='total')
    s.delete_all()
    s.break_at('add')
    s.cont('breakpoint', at='add')
    s.variable('b', 2)
    s.delete_all()
    s.cont('exit', status=6)
