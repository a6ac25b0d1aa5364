"""System registers: all are there, flags by name, segments with their hidden parts; what cannot be is refused."""


def play(s):
    s.connect()
    s.typed('gdb', 'info registers cr0', r'cr0 .*\[ PE .*PG \]')
    s.typed('gdb', 'info registers efer', r'efer .*\[ .*LME LMA')
    s.typed('gdb', 'info registers eflags', r'eflags +0x2 +\[ \]')
    s.typed('gdb', 'print $cs_attr', r'type=11 S dpl=0 P L G')
    s.typed('gdb', 'print $tr_limit', r'= \d+')
    s.typed('gdb', 'info registers', r'(?s)gdtr_base.*idtr_limit.*apic_base.*dr7.*lstar.*linear_pc')
    s.typed('gdb', 'print $linear_pc == $pc', r'= 1')
    s.typed('gdb', 'print/x $dr7', r'= 0x400')
    s.typed('gdb', 'set $dr0 = 0x1234')
    s.typed('gdb', 'print/x $dr0', r'= 0x1234')
    s.typed('gdb', 'set $lstar = 0xffffffff81000000')
    s.typed('gdb', 'print/x $lstar', r'= 0xffffffff81000000')
    s.typed('gdb', 'set $lstar = 0x8000000000000000', r'Could not write register .*not canonical')
    s.typed('gdb', 'print/x $ftag', r'= 0xffff')
    s.typed('gdb', 'print/x $mxcsr', r'= \[|= 0x1f80')
    s.typed('gdb', 'set $cs_attr = 0', r'Could not write register .*with G clear')
    s.typed('lldb', 'register read --all', r'(?s)rip = .*cr3 = .*dr7 = .*lstar = ')
    s.typed('lldb', 'register write cr4 0xffffffffffffffff', r'error: ')
    s.cont('exit', status=6)
