"""monitor arch: the next GDB sees the registers of a 16- or 32-bit CPU and disassembles accordingly."""

SYMBOLS = False


def play(s):
    s.connect()
    s.typed('gdb', 'monitor arch vax', r'arch takes x86-64, i386 or i8086')
    s.typed('gdb', 'monitor arch i386', r'described as x86-64\'s; to the next debugger that connects, as i386\'s')
    s.typed('gdb', 'disconnect', r'Ending remote debugging')
    s.again()
    s.connect()
    s.typed('gdb', 'show architecture', r'currently "?i386"?\)')
    s.typed('gdb', 'x/i $eip', r'=> 0x200000:\s+xor +%ebp,%ebp')
    s.typed('gdb', 'set $ebx = 0x11223344')
    s.typed('gdb', 'stepi', r'0x00200002')
    s.typed('gdb', 'print/x $ebx', r'= 0x11223344')
    s.typed('gdb', 'info registers', r'(?s)eax .*eip +0x200002 .*cr0 .*PG.*efer .*LMA.*linear_pc +0x200002')
    s.typed('gdb', 'monitor arch i8086', r'as i8086\'s')
    s.typed('gdb', 'disconnect', r'Ending remote debugging')
    s.again()
    s.connect()
    s.typed('gdb', 'show architecture', r'currently "?i8086"?\)')
    s.typed('gdb', 'x/i $eip - 2', r'0x200000:\s+xor +%bp,%bp')
    s.typed('gdb', 'monitor arch x86-64', r'as x86-64\'s')
    s.typed('gdb', 'disconnect', r'Ending remote debugging')
    s.again()
    s.connect()
    s.register('rip', 0x200002)
    s.cont('exit', status=6)
