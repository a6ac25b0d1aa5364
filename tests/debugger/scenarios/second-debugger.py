"""While one debugger controls the guest a second one may look on; the first notices nothing of it."""

GDB = 'tcp'


def play(s):
    s.connect()
    s.break_at('add')
    s.cont('breakpoint', at='add')
    s.second_debugger('info threads', 'backtrace', 'x/2xb $pc', 'print n', 'up', 'info registers rip').says(
        r'\* 1 +Thread 1\.1 "cpu0" \(cpu0 \[stopped\]\)', r'#0 +add \(a=0, b=1\)', r'#1 .* in total \(n=3\)',
        r'<add\+[0-9]+>:\s+0x', r'rip +0x').says_not(r'refused|timed out|only looks on')
    s.second_debugger('set var $rax = 1').says(r'Could not write register "rax".*only looks on')
    s.second_debugger('stepi').says(r'trapline: this debugger only looks on')
    s.second_debugger('continue').says(r'trapline: this debugger only looks on', r'SIGTRAP')
    s.second_debugger('break total', 'continue').says(r'Cannot insert breakpoint 1|only looks on')
    s.second_debugger('monitor reset').says(r'only looks on')
    s.second_debugger('kill', 'detach')
    s.where('add')
    s.delete_all()
    s.cont('exit', status=6)
