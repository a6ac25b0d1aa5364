"""dprintf of style agent: the stub prints, nothing stops; a condition chooses among the calls."""


def play(s):
    s.connect()
    s.typed('gdb', 'set dprintf-style agent')
    s.typed('gdb', r'dprintf add,"add %d and %d\n", a, b', 'Dprintf 1 at')
    s.break_at('calls')
    s.cont('breakpoint', at='calls')
    s.typed('gdb', 'break add if b == 3 && a == 77', r'Breakpoint 3 at')
    s.typed('gdb', 'delete 3')
    s.typed('gdb', 'condition 1 b >= 2')
    s.cont('exit', status=6).says('add 1 and 2', 'add 3 and 3').says_not('add 0 and 1')
    s.trapline_ends(6)
    s.output('calls done\n')
