"""kill ends the guest and trapline."""

MODE = 'spin'


def play(s):
    s.connect()
    s.kill()
    s.trapline_ends(137)
