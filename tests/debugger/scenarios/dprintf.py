"""dprintf of style agent: the stub prints, nothing stops; a condition chooses; it goes on when GDB has left."""

from scenario import AWAIT, line_of


def play(s):
    s.connect()
    s.typed('gdb', 'set dprintf-style agent')
    s.typed('gdb', 'set disconnected-dprintf on')
    s.typed('gdb', 'set breakpoint always-inserted on')
    s.typed('gdb', r'dprintf add,"add %d and %d\n", a, b', 'Dprintf 1 at')
    s.break_at('calls')
    s.cont('breakpoint', at='calls')
    s.typed('gdb', 'break add if b == 3 && a == 77', r'Breakpoint 3 at')
    s.typed('gdb', 'delete 3')
    s.typed('gdb', 'condition 1 b >= 2')
    s.typed('gdb', 'break guest.c:%d if b == 2' % line_of('add-return'))
    s.cont('breakpoint', at='add').says('add 1 and 2').says_not('add 0 and 1')
    s.detach()
    # Now trapline prints by itself.
    s.typed('gdb', 'shell sh %s trapline.err "dprintf: add"' % AWAIT)
    s.typed('gdb', 'shell cat trapline.err', 'trapline: dprintf: add 3 and 3').says_not('and [012]')
    s.trapline_ends(6)
    s.output('calls done\n')
