"""monitor catch: a port with a condition, an MSR, CR3, the machine's end; what cannot be had is said."""

MODE = 'catch'


def play(s):
    s.connect()
    s.monitor('catch').says('nothing is caught')
    s.monitor('catch io 0x80 if value >= 3 && (rax & 0xff) != 9').says(r'catch 1: io 0x80 if .*: comes out of KVM')
    s.monitor('catch msr 0xc0000082').says(r'catch 2: msr 0xc0000082: ')
    s.monitor('catch shutdown').says(r'catch 3: shutdown: told before the end')
    s.monitor('catch mmio 0xfee00000').says(r'not caught: the local APIC is served inside KVM')
    s.monitor('catch io').says(r'not caught: it is catch io PORT')
    s.monitor('catch cr3 if nosuch == 1').says(r"not caught: no such register at 'nosuch == 1'")
    for value in 3, 4:
        s.typed('gdb', 'continue', r'cpu0: catch 1: 0x%x written to port 0x80, 1 byte' % value, r'SIGTRAP')
    s.monitor('catch').says(r'catch 1: .* 2 hits, 3 misses')
    s.monitor('catch exception').says('catch 4: exception 0-31: breakpoint at the handler').without(
        'exec_breakpoints', 'not caught: the guest.s handlers cannot be watched: neither int3 nor')
    s.monitor('uncatch all').says('[34] removed')
    s.monitor('catch msr 0xc0000080-0xc0000084 if addr == 0xc0000082 && write').says('msr 0xc0000080-0xc0000084 if')
    s.typed('gdb', 'continue', r'0x1234 written to MSR 0xc0000082')
    s.monitor('catch cr3').says('cr3: single-stepping')
    s.typed('gdb', 'continue', r'cr3 0x([0-9a-f]+) loaded, 0x\1 before')
    s.monitor('uncatch all').says('2 removed')
    s.monitor('catch shutdown if value == 0').says('shutdown if value == 0')
    s.typed('gdb', 'continue', 'the guest ends itself with status 7', 'SIGTRAP')
    s.cont('exit', status=7)
