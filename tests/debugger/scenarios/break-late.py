"""Breakpoints in code that is not loaded yet, and not even mapped: more than there are debug registers."""

MODE = 'late'
CODE = 254 << 39


def play(s):
    s.connect()
    # The registers are taken, and the guest maps, loads and calls without a stop in between.
    s.monitor('pending step').says('met by single-stepping')
    for i in range(4):
        s.typed('gdb', 'break *%#x' % (CODE + 0x800 + i), r'Breakpoint %d at' % (i + 1))
    s.typed('gdb', 'break *%#x' % (CODE + 5), r'Breakpoint 5 at')
    s.typed('gdb', 'continue', r'Breakpoint 5, 0x0*%x in' % (CODE + 5))
    s.delete_all()
    s.monitor('reset').says('reset; cpu0 stands at')
    s.typed('gdb', 'maintenance flush register-cache')
    # Each in turn: the stops put in those that wait.
    s.monitor('pending wait').says('wait for a stop')
    for i in range(5):
        s.typed('gdb', 'break *%#x' % (CODE + i), r'Breakpoint %d at %#x' % (i + 6, CODE + i))
    s.monitor('break').says(r'no breakpoints|\(out\)')
    for i in range(5):
        s.typed('gdb', 'continue', r'Breakpoint %d, 0x0*%x in' % (i + 6, CODE + i))
    s.typed('gdb', 'x/6xb %#x' % CODE, r'0x90\s+0x90\s+0x90\s+0x90\s+0x90\s+0xb8')
    s.delete_all()
    s.cont('exit', status=42)
