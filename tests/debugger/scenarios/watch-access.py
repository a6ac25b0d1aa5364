"""An access watchpoint stops at a read and at a write; where the host cannot, it is refused, in words."""

MODE = 'access'


def play(s):
    s.connect()
    s.watch('unused', 'access').without('watchpoints', *s.dialect.watch_refused('set'))
    s.cont('access', name='unused', value=11).without('watchpoints', *s.dialect.watch_refused('resumed'))
    s.delete_all()
    s.kill()
