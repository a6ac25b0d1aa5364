"""A condition that is true on the 100,000th of a million hits: it stops at just that one, and the others were misses."""

from scenario import line_of

MODE = 'million'
LIMIT = 150   # seconds; 10 on a quiet machine


def play(s):
    # The same with fewer where the machine is emulated, and (svm) every instruction is stepped.
    far = {'svm': 1000, 'vmx': 2000}.get(s.lane, 100000)
    s.connect()
    s.typed('gdb', 'set breakpoint condition-evaluation target')
    s.typed('gdb', 'break guest.c:%d if counter == %d' % (line_of('million-count'), far - 1), r'Breakpoint 1 at')
    s.cont('breakpoint', at='tick', line='million-count')
    s.variable('counter', far - 1)
    s.monitor('break').says('1 hits, %d misses' % (far - 1))
    # one more, by a count of hits
    s.typed('gdb', 'delete')
    s.typed('gdb', 'break guest.c:%d' % line_of('million-count'), r'Breakpoint 2 at')
    s.typed('gdb', 'eval "monitor ignore %#lx 500", $pc', r'the next 500 hits are ignored')
    s.cont('breakpoint', at='tick', line='million-count')
    s.variable('counter', far - 1 + 501)
    s.kill()
