"""record full: GDB writes down what instructions change, and goes back by it."""


def play(s):
    s.connect()
    s.break_at('add')
    s.cont('breakpoint', at='add', line='add-first')
    s.typed('gdb', 'record full')
    s.register('rip')
    s.typed('gdb', 'set $from = $rip')
    s.stepi(3)
    s.typed('gdb', 'reverse-stepi')
    s.typed('gdb', 'reverse-stepi')
    s.typed('gdb', 'reverse-stepi')
    s.typed('gdb', 'print $rip == $from', r'= 1\b')
    s.typed('gdb', 'stepi 3', r'history|add')
    s.typed('gdb', 'record stop', r'Process record is stopped')
    s.delete_all()
    s.cont('exit', status=6)
