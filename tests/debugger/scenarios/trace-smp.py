"""Tracepoints on two processors: each frame has its own processor's registers; tfind in its forms; tsave."""

GUEST = 'smp'
OPTIONS = '--cpus=2'
MODE = ''


def play(s):
    s.connect()
    s.typed('gdb', 'set var $pc = (unsigned long)&counts')
    s.typed('gdb', 'trace *(unsigned long)&counts_1', r'Tracepoint 1 at')
    s.typed('gdb', 'actions 1\ncollect $regs, *(long *)$rsp\nend')
    s.typed('gdb', 'trace *(unsigned long)&counts_ap_1', r'Tracepoint 2 at')
    s.typed('gdb', 'actions 2\ncollect $regs, *(long *)$rsp\nwhile-stepping 2\ncollect $regs\nend\nend')
    s.typed('gdb', 'passcount 20 2', r'passcount to 20')
    s.typed('gdb', 'break *(unsigned long)&counts_ap_1 if *(long *)&count1 == 40', r'Breakpoint 3 at')
    s.typed('gdb', 'tstart')
    s.typed('gdb', 'continue', r'Thread 2 "cpu1" hit Breakpoint 3, .*counts_ap_1 \(\)')
    s.typed('gdb', 'tstatus', r'Trace stopped by tracepoint 2')
    s.typed('gdb', 'info tracepoints', r'tracepoint already hit 20 times')
    # the first processor's
    s.typed('gdb', 'tfind tracepoint 1', r'Found trace frame \d+, tracepoint 1')
    s.monitor('trace').says(r'of tracepoint 1, cpu0, at 0x')
    s.typed('gdb', 'print $pc', r'<counts_1>')
    s.typed('gdb', 'print (long)$rsp == (long)&ap_stack', r'= 0')
    s.typed('gdb', 'print *(long *)$rsp', r'= -?\d+')
    s.typed('gdb', 'print *(long *)&ap_stack', r'<unavailable>')
    # the second's
    s.typed('gdb', 'tfind tracepoint 2', r'Found trace frame \d+, tracepoint 2')
    s.monitor('trace').says(r'of tracepoint 2, cpu1, at 0x')
    s.typed('gdb', 'print $pc', r'<counts_ap_1>')
    s.typed('gdb', 'print (long)$rsp == (long)&ap_stack', r'= 1')
    s.typed('gdb', 'print *(long *)&ap_stack', r'= -?\d+')
    # steps of it, by address
    s.typed('gdb', 'tfind start')
    s.typed('gdb', 'tfind pc (unsigned long)&counts_ap', r'Found trace frame \d+, tracepoint 2')
    s.monitor('trace').says(r'of tracepoint 2, cpu1, at 0x')
    s.typed('gdb', 'print $pc', r'<counts_ap>')
    s.typed('gdb', 'tfind start')
    s.typed('gdb', 'tfind range (unsigned long)&counts_ap, (unsigned long)&counts_ap_1', r'tracepoint 2')
    s.typed('gdb', 'tfind none')
    s.typed('gdb', 'tfind range (unsigned long)&counts_top, (unsigned long)&counts_1', r'tracepoint 1')
    s.typed('gdb', 'tfind none')
    s.typed('gdb', 'tfind outside (unsigned long)&counts_top, (unsigned long)&counts_1', r'tracepoint 2')
    s.typed('gdb', 'tfind range 1, 2', r'failed to find')
    s.typed('gdb', 'tsave smp.tf', r"Trace data saved to file 'smp.tf'")
    s.typed('gdb', 'tfind none')
    s.typed('gdb', 'delete')
    s.typed('gdb', 'set var *(char *)&enough = 1')
    s.cont('exit', status=4)
    s.trapline_ends(4)
    s.again()
    s.typed('gdb', 'target tfile smp.tf', r'Created tracepoint')
    s.typed('gdb', 'tfind tracepoint 1', r'Found trace frame \d+, tracepoint 1')
    s.typed('gdb', 'print (long)$rsp == (long)&ap_stack', r'= 0')
    s.typed('gdb', 'tfind tracepoint 2', r'Found trace frame \d+, tracepoint 2')
    s.typed('gdb', 'print (long)$rsp == (long)&ap_stack', r'= 1')
    s.typed('gdb', 'info registers rip', r'<counts_ap_1>')
