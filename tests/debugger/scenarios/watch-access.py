"""An access watchpoint stops at a read and at a write; where the host cannot, it is refused, in words."""

MODE = 'access'


def play(s):
    s.connect()
    s.watch('unused', 'access').without('data_dr')
    s.cont('access', name='unused', value=11).without('data_dr', r'(?i)could not insert|error|cannot')
    s.delete_all()
    s.kill()
