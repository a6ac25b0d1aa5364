"""A triple fault stops under the debugger with a signal and a line that says what happened."""

MODE = 'crash'


def play(s):
    s.connect()
    s.cont('signal', name='SIGSEGV').says(r'(?i)triple fault')
    s.kill()
