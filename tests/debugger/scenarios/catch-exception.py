"""monitor catch: page fault, invalid opcode with a condition, interrupt, set before there is an IDT."""

MODE = 'catch'


def play(s):
    s.connect()
    s.monitor('catch exception #PF if error == 2 && addr >> 39 == 200').says(r'catch 1: exception 14 if .*: waits for')
    s.monitor('catch exception 6 if rax == 2').says(r'catch 2: exception 6 if rax == 2: waits for a gate')
    s.typed('gdb', 'continue', r'cpu0: catch 2: exception 6 \(#UD invalid opcode\), at 0x[0-9a-f]+', 'fault_ud')
    s.monitor('catch irq 0x30').says('catch 3: irq 48: breakpoint at the handler')
    s.typed('gdb', 'continue', r'catch 1: exception 14 \(#PF page fault\), error code 0x2, address 0x640000000000, at ',
            'fault_pf')
    s.typed('gdb', 'continue', r'catch 3: interrupt, vector 48, at 0x[0-9a-f]+', 'int_30')
    s.monitor('catch').says(r'catch 2: .* 1 hits, 2 misses', r'catch 1: .* 1 hits, 0 misses')
    s.monitor('uncatch all').says('3 removed')
    s.monitor('break').says_not('catch ')
    s.monitor('catch cr3').says('cr3: single-stepping')
    s.typed('gdb', 'continue', r'cr3 0x([0-9a-f]+) loaded, 0x\1 before')
    s.monitor('catch delete 4').says('1 removed')
    s.cont('exit', status=7)
