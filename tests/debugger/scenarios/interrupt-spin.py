"""Ctrl-C stops a guest that spins; a variable set then lets it out of its loop."""

MODE = 'spin'


def play(s):
    s.connect()
    s.cont_until_interrupted('spinning')
    s.where('spin')
    s.backtrace('spin', 'guest_main', '_start')
    s.set_variable('spinning', 0)
    s.cont('exit', status=3)
    s.output('spinning\nreleased\n')
    s.trapline_ends(3)
