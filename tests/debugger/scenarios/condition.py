"""Conditions are decided in the stub: the one hit of many, memory that is not there."""

from scenario import line_of

MODE = 'spin'


def play(s):
    count = 'guest.c:%d' % line_of('spin-count')
    s.connect()
    s.typed('gdb', 'break %s if counter == 3000' % count, r'Breakpoint \d+ at')
    s.cont('breakpoint', at='spin', line='spin-count')
    s.typed('gdb', 'print counter', r'= 3000\b')
    s.typed('gdb', 'info breakpoints', r'stop only if counter == 3000 \(target evals\)')
    s.monitor('break').says('1 hits, 3000 misses')
    s.delete_all()
    s.typed('gdb', 'break %s if *(long *)0xffff800000000000 == 1' % count)
    s.typed('gdb', 'continue', 'trapline: condition of break .*: 0xffff800000000000: page not present',
            r'Breakpoint \d+, ')
    s.delete_all()
    s.kill()
