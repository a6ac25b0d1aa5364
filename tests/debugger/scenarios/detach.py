"""After detach the guest runs on with no breakpoint left in it, to its end."""


def play(s):
    s.connect()
    s.break_at('add')
    s.cont('breakpoint', at='add')
    s.detach()
    s.trapline_ends(6)
    s.output('calls done\n')
