"""While one debugger is connected a second one is turned away, and the first notices nothing."""

GDB = 'tcp'


def play(s):
    s.connect()
    s.break_at('add')
    s.second_debugger().says_not('_start')
    s.cont('breakpoint', at='add')
    s.delete_all()
    s.cont('exit', status=6)
