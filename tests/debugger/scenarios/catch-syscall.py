"""catch syscall: system calls from ring 3, by number, set before the guest has written LSTAR."""

MODE = 'syscall'


def play(s):
    s.connect()
    # Names and numbers are those of the system that GDB takes the guest for.
    s.typed('gdb', 'set osabi GNU/Linux', '')
    s.typed('gdb', 'catch syscall 3 60', r'Catchpoint 1 \(syscalls .*3\b.*60')
    # Without the kernel's debugger in ring 3 the guest has no system calls that come back: it dies of the first.
    s.typed('gdb', 'continue', r'Catchpoint 1 \(call to syscall (close|3)\)', 'on_syscall').without(
        'debug_cpl3', r'Your system does not support this type\s+of catchpoint')
    s.typed('gdb', 'continue', r'Catchpoint 1 \(call to syscall (exit|60)\)', 'on_syscall').without('debug_cpl3', 'SIGSEGV')
    s.delete_all()
    s.typed('gdb', 'continue', r'exited with code 011').without('debug_cpl3', 'SIGSEGV')
