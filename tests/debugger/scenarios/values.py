"""Structs, floats and vectors, in memory and in registers, are shown and set."""


def play(s):
    s.connect()
    s.typed('gdb', 'print shape', r'\{sides = 3, at = \{x = 1.5, y = -2\}\}')
    s.typed('gdb', 'set variable shape.at.y = 6.25')
    s.typed('gdb', 'set variable shape.sides = 4')
    s.typed('gdb', 'print shape', r'\{sides = 4, at = \{x = 1.5, y = 6.25\}\}')
    s.typed('gdb', 'set variable shape = {9, {0.5, 0.125}}')
    s.typed('gdb', 'print shape', r'\{sides = 9, at = \{x = 0.5, y = 0.125\}\}')
    s.typed('gdb', 'set variable ratio = ratio * 3')
    s.typed('gdb', 'print ratio', r'= 0.75\b')
    s.typed('gdb', 'set variable quad[2] = -7')
    s.typed('gdb', 'print quad', r'\{10, 20, -7, 40\}')
    s.typed('gdb', 'set $xmm3.v4_int32[1] = 7')
    s.typed('gdb', 'print $xmm3.v4_int32', r'\{0, 7, 0, 0\}')
    s.typed('gdb', 'set $st0 = 1.5')
    s.typed('gdb', 'print $st0', r'= 1.5\b')
    s.typed('gdb', 'set $eflags = $eflags | 1')
    s.typed('gdb', 'print $eflags', r'\[.*CF.*\]')
    s.cont('exit', status=6)
