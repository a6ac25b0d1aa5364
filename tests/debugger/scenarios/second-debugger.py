"""While one debugger controls the guest a second one may look on; the first notices nothing of it."""

from scenario import AWAIT

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
    s.second_debugger('next').says(r'trapline: this debugger only looks on', r'SIGINT')
    s.second_debugger('break total', 'continue').says(r'Cannot insert breakpoint 1|only looks on')
    s.second_debugger('monitor reset').says(r'only looks on')
    s.second_debugger('kill', 'detach')
    s.where('add')
    # Its "continue" waits for the first one's next stop. When it has begun to wait nobody tells: so there are as
    # many stops as it takes, at the same place, and each stands for a while.
    s.typed('gdb', "shell (timeout -k 5 60 gdb -nx -q -batch -ex 'target remote @TARGET@' -ex 'shell touch ready' "
            "-ex continue -ex 'info threads' >second.out 2>&1 </dev/null &)")
    s.typed('gdb', 'shell until [ -e ready ]; do sleep 0.05; done')
    s.typed('gdb', 'set $at = $pc').then(
        ['set $left = 1', 'while $left', 'stepi', 'set var $pc = $at',
         'shell sh %s second.out SIGTRAP 1 20' % AWAIT, 'set $left = $_shell_exitcode', 'end'])
    s.typed('gdb', 'shell sh %s second.out "cpu0 .stopped"' % AWAIT)
    s.typed('gdb', 'shell cat second.out', r'SIGTRAP', r'cpu0 \[stopped\]').says_not(r'running')
    s.delete_all()
    s.cont('exit', status=6)
