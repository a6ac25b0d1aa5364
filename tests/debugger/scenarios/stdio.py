"""GDB starts trapline itself: target remote | trapline run --gdb=stdio."""

GDB = 'stdio'


def play(s):
    s.connect()
    s.where('_start')
    s.cont('exit', status=6)
    s.output('calls done\n')
