"""A triple fault stops under the debugger with a signal and a line that says what happened."""

MODE = 'crash'


def play(s):
    s.connect()
    s.cont('died').says(r'triple fault')
    s.kill()
    s.trapline_ends(137)
