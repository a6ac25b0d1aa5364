"""A write watchpoint stops after the store and names the old and the new value."""


def play(s):
    s.connect()
    s.watch('counter')
    s.cont('watch', at='total', line='total-return', name='counter', old=0, new=6)
    s.variable('counter', 6)
    s.delete_all()
    s.cont('exit', status=6)
