"""A TCP port that trapline picked."""

GDB = 'tcp'


def play(s):
    s.connect()
    s.where('_start')
    s.cont('exit', status=6)
    s.trapline_ends(6)
    s.output('calls done\n')
