"""Disconnected tracing: GDB leaves, the run goes on, and the next GDB finds it with its tracepoints."""

from scenario import line_of

MODE = 'spin'


def play(s):
    s.connect()
    s.typed('gdb', 'set disconnected-tracing on')
    s.typed('gdb', 'set circular-trace-buffer on')
    s.typed('gdb', 'trace guest.c:%d if counter >= 100' % line_of('spin-count'), r'Tracepoint 1 at')
    s.typed('gdb', 'actions 1\ncollect counter\nend')
    s.typed('gdb', 'tstart')
    s.detach()
    s.again()
    s.connect().says('Trace is already running on the target', 'Created tracepoint 1 for target')
    s.typed('gdb', 'tstatus', 'Trace is running on the target', 'Trace will continue if GDB disconnects')
    s.typed('gdb', 'break guest.c:%d if counter >= 200' % line_of('spin-count'))
    s.cont('breakpoint', at='spin')
    s.typed('gdb', 'tstop')
    s.typed('gdb', 'tfind start', 'Found trace frame 0, tracepoint 1')
    s.typed('gdb', 'print counter >= 100', r'= 1\b')
    s.typed('gdb', 'tfind none')
    s.monitor('trace').says('tracing is off', 'tracepoint 1 at')
    s.delete_all()
    s.kill()
