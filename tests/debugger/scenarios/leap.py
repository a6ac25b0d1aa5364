"""jump, return, until, advance: to where the user says, and on from there."""


def play(s):
    s.connect()
    s.break_at('total')
    s.cont('breakpoint', at='total')
    s.typed('gdb', 'advance add', r'add \(a=0, b=1\)')
    s.typed('gdb', 'return 40', r'#0 .* total \(n=3\)')
    s.next()
    s.variable('result', 40)
    s.typed('gdb', 'until calls', r'calls \(\)')
    s.typed('gdb', 'next')
    s.variable('result', 45)
    s.typed('gdb', 'jump calls', r'Continuing at 0x', r'Breakpoint 1, total \(n=3\)')
    s.delete_all()
    s.cont('exit', status=6)
