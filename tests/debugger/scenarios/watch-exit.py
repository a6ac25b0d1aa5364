"""A watchpoint that is never hit lets the guest reach its end."""


def play(s):
    s.connect()
    s.watch('unused')
    s.cont('exit', status=6)
    s.trapline_ends(6)
    s.output('calls done\n')
