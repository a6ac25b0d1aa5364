"""Connecting alone is enough: GDB gets the image from the stub, through packets; LLDB its path and place."""

SYMBOLS = False


def play(s):
    s.connect()
    s.where('_start')
    s.break_at('add')
    s.cont('breakpoint', at='add', line='add-first')
    s.variable('b', 1)
    s.backtrace('add', 'total', 'calls', 'guest_main', '_start')
    s.typed('gdb', 'info sharedlibrary', r'No shared libraries')
    s.typed('gdb', 'remote get /etc/passwd passwd', r'No such file')
    s.typed('gdb', 'info files', r'target:\S*debugger_guest')
    s.delete_all()
    s.cont('exit', status=6)
