"""Memory is read and written; breakpoints do not show in it; what is not mapped is an error, not zeros."""


def play(s):
    s.connect()
    s.memory('&bytes[0]', [0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4])
    s.set_memory('&bytes[2]', 0x55)
    s.memory('&bytes[0]', [0xde, 0xad, 0x55, 0xef])
    s.set_variable('unused', 4711)
    s.variable('unused', 4711)
    s.memory('0x200000', [0x31, 0xed])          # xor %ebp, %ebp
    s.break_at('_start')
    s.memory('0x200000', [0x31, 0xed])
    s.typed('gdb', 'x/xb 0x700000000000', r'Cannot access memory at address 0x700000000000')
    s.typed('lldb', 'memory read 0x700000000000', r'error: ')
    s.delete_all()
    s.cont('exit', status=6)
