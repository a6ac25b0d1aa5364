"""The guest's clocks stand while the debugger rests; after "monitor time run" they go on."""

from scenario import line_of

MODE = 'clocks'


def rest(s):
    s.cont('breakpoint', at='rest')
    s.typed('gdb', 'shell sleep 1')
    s.cont('breakpoint', at='clocks', line='clocks-told')


def play(s):
    s.connect()
    s.break_at('rest')
    s.break_at('guest.c:%d' % line_of('clocks-told'))
    s.typed('gdb', 'monitor time', r'guest time stands').says(r'TSC,').without('freeze_time', r'TSC runs on')
    rest(s)
    s.typed('gdb', 'print $timer = timer_passed')
    s.typed('gdb', 'set $tsc = tsc_passed')
    s.typed('gdb', 'print pit_over', r'= 0')
    s.typed('gdb', 'monitor time run', r'guest time runs on')
    rest(s)
    s.typed('gdb', 'print timer_passed / 4 > $timer', r'= 1')
    s.typed('gdb', 'print tsc_passed / 4 > $tsc', r'= 1').without('freeze_time', r'= [01]')
    s.typed('gdb', 'print pit_over', r'= 1')
    s.typed('gdb', 'monitor time freeze', r'guest time stands')
    s.delete_all()
    s.cont('exit', status=0)
