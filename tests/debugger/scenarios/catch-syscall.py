"""catch syscall: system calls from ring 3, by number and all, set before the guest has written LSTAR."""

MODE = 'syscall'


def play(s):
    s.connect()
    # Names and numbers are those of the system that GDB takes the guest for.
    s.typed('gdb', 'set osabi GNU/Linux', '')
    s.typed('gdb', 'catch syscall 3 60', r'Catchpoint 1 \(syscalls .*3\b.*60')
    s.typed('gdb', 'continue', r'Catchpoint 1 \(call to syscall .*3', 'on_syscall')
    s.typed('gdb', 'continue', r'Catchpoint 1 \(call to syscall .*60', 'on_syscall')
    s.delete_all()
    s.cont('exit', status=9)
