"""Breakpoints in code that is not loaded yet, and not even mapped: more than there are debug registers."""

MODE = 'late'
CODE = 254 << 39


def play(s):
    s.connect()
    for i in range(5):
        s.typed('gdb', 'break *%#x' % (CODE + i), r'Breakpoint %d at %#x' % (i + 1, CODE + i))
    s.monitor('break').says('no breakpoints')
    for i in range(5):
        s.typed('gdb', 'continue', r'Breakpoint %d, 0x0*%x in' % (i + 1, CODE + i))
    s.typed('gdb', 'x/6xb %#x' % CODE, r'0x90\s+0x90\s+0x90\s+0x90\s+0x90\s+0xb8')
    s.delete_all()
    s.cont('exit', status=42)
