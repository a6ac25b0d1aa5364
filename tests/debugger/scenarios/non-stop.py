"""Non-stop in GDB: one thread stands, is looked at and stepped while the other runs."""

GUEST = 'smp'
OPTIONS = '--cpus=2'
MODE = ''


def play(s):
    s.typed('gdb', 'set non-stop on')
    s.connect()
    s.typed('gdb', 'info threads', r'1 +Thread 1\.1 "cpu0" \(cpu0 \[stopped\]\)',
            r'2 +Thread 1\.2 "cpu1" \(cpu1 \[[^]]*\]\)').says_not(r'\(running\)')
    # the second processor is started by the first, which runs on
    s.typed('gdb', 'set var $pc = (unsigned long)&counts')
    s.typed('gdb', 'break *(unsigned long)&counts_ap_1', r'Breakpoint 1 at')
    s.typed('gdb', 'continue &')
    s.typed('gdb', 'thread 2', r'Switching to thread 2')
    s.typed('gdb', 'continue', r'Thread 2 "cpu1" hit Breakpoint 1, counts_ap_1 \(\)')
    s.typed('gdb', 'info threads', r'  1 +Thread 1\.1 "cpu0".* \(running\)',
            r'\* 2 +Thread 1\.2 "cpu1" \(cpu1 \[stopped\]\) .*counts_ap_1')
    s.typed('gdb', 'x/i $pc', r'=> 0x[0-9a-f]+ <counts_ap_1>:\s+jmp')
    s.typed('gdb', 'print *(long *)&count1 > 0', r'= 1')
    s.typed('gdb', 'stepi', r'counts_ap \(\)')
    s.typed('gdb', 'stepi', r'counts_ap_1 \(\)')
    # the step over the breakpoint at which it stands
    s.typed('gdb', 'continue', r'Thread 2 "cpu1" hit Breakpoint 1')
    # a breakpoint for the one that runs, put in while it does
    s.typed('gdb', 'tbreak *(unsigned long)&counts_1', r'Temporary breakpoint 2')
    s.await_packet('Stop:T05.*thread:p1.1', 1)
    s.typed('gdb', 'info threads', r'1 +Thread 1\.1 "cpu0" .*counts_1 \(\)').says_not(r'\(running\)')
    s.typed('gdb', 'thread 1', r'Switching to thread 1')
    s.typed('gdb', 'continue &')
    s.typed('gdb', 'info threads', r'1 +Thread 1\.1 .*\(running\)', r'2 +Thread 1\.2 .*counts_ap_1')
    # interrupting one, then all
    s.typed('gdb', 'interrupt')
    s.await_packet('Stop:T00.*thread:p1.1', 1)
    s.typed('gdb', 'info threads', r'\* 1 +Thread 1\.1 "cpu0" \(cpu0 \[stopped\]\)')
    s.typed('gdb', 'delete')
    s.typed('gdb', 'continue -a &')
    s.typed('gdb', 'info threads', r'1 +Thread 1\.1 .*\(running\)', r'2 +Thread 1\.2 .*\(running\)')
    s.typed('gdb', 'interrupt -a')
    s.await_packet('Stop:T00', 2)
    s.await_packet('^-> vStopped', 8)
    s.typed('gdb', 'info threads', r'1 +Thread 1\.1 "cpu0" .*stopped', r'2 +Thread 1\.2 "cpu1" .*stopped')
    s.typed('gdb', 'set var *(char *)&enough = 1')
    s.typed('gdb', 'detach', r'detached')
    s.trapline_ends(4)
