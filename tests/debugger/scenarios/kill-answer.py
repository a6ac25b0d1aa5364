"""kill ends the machine and no debugger complains of it."""


def play(s):
    s.connect()
    s.break_at('add')
    s.cont('breakpoint', at='add')
    s.kill().says_not('error', 'failed', 'Remote connection closed')
    s.trapline_ends(137)
