"""info threads and thread apply name every vcpu and its state."""


def play(s):
    s.connect()
    s.break_at('add')
    s.cont('breakpoint', at='add')
    s.typed('gdb', 'info threads', r'\* 1 +Thread 1\.1 "cpu0" \(cpu0 \[stopped\]\) add \(a=0, b=1\)')
    s.typed('gdb', 'thread apply all backtrace', r'Thread 1 \(Thread 1\.1 "cpu0"', r'#4 .* _start \(\)')
    s.typed('gdb', 'thread name boss')
    s.typed('gdb', 'info threads', r'"boss"')
    s.kill()
