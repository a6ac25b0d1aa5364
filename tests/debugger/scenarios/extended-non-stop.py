"""extended-remote in non-stop: run starts the guest again, also when it has ended or runs; the others wait to be started."""

GUEST = 'smp'
OPTIONS = '--cpus=2'
MODE = ''


def play(s):
    s.typed('gdb', 'set non-stop on')
    s.typed('gdb', 'target extended-remote @TARGET@', r'_start \(\)')
    s.typed('gdb', 'tbreak *(unsigned long)&_start', r'Temporary breakpoint 1')
    s.typed('gdb', 'run', r'Thread 1 "cpu0" hit Temporary breakpoint 1, _start \(\)').says_not(r'cpu1" stopped')
    # the second one runs for the client: it waits for the first
    s.typed('gdb', 'info threads', r'\* 1 +Thread 1\.1 "cpu0" .*_start', r'  2 +Thread 1\.2 "cpu1" .*\(running\)')
    s.typed('gdb', 'set var $pc = (unsigned long)&counts')
    s.typed('gdb', 'tbreak *(unsigned long)&counts_ap_1', r'Temporary breakpoint 2')
    s.typed('gdb', 'continue &')
    s.await_packet('Stop:T05.*thread:p1.2', 1)
    s.typed('gdb', 'info threads', r'1 +Thread 1\.1 .*\(running\)', r'2 +Thread 1\.2 "cpu1" .*counts_ap_1 \(\)')
    # run again while one runs; then after the end, of which no thread is left
    s.typed('gdb', 'hbreak *(unsigned long)&_start', r'breakpoint 3')
    s.typed('gdb', 'run', r'Thread 1 "cpu0" hit Breakpoint 3, _start \(\)')
    s.delete_all()
    s.typed('gdb', 'continue', r'\[Inferior 1 \(.*\) exited normally\]')
    s.typed('gdb', 'info threads', r'No threads').says_not(r'failed')
    s.typed('gdb', 'tbreak *(unsigned long)&_start', r'Temporary breakpoint 4')
    s.typed('gdb', 'run', r'Thread 1 "cpu0" hit Temporary breakpoint 4, _start \(\)')
    s.kill()
    s.typed('gdb', 'info threads', r'No threads')
    s.trapline_ends(137)
