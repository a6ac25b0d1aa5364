"""Devices are not looked at by accident; after "monitor mmio on" the local APIC's registers can be read."""


def play(s):
    s.connect()
    s.typed('gdb', 'x/xw 0xfee00030', r'Cannot access memory')
    s.typed('gdb', 'monitor mmio on', r'access to devices is on')
    s.typed('gdb', 'x/xw 0xfee00030', r'0xfee00030:\s+0x[0-9a-f]{6}1[0-9a-f]')
    s.typed('gdb', 'x/xw 0xfec00000', r'Cannot access memory')
    s.typed('gdb', 'x/xw 0xfed00000', r'Cannot access memory')
    s.typed('gdb', 'set var *(int *)0xfee00030 = 0', r'Cannot access memory')
    s.memory('&bytes[0]', [0xde, 0xad])
    s.typed('gdb', 'monitor mmio off', r'access to devices is off')
    s.typed('gdb', 'x/xw 0xfee00030', r'Cannot access memory')
    s.cont('exit', status=6)
