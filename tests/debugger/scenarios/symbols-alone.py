"""`target remote` alone: GDB gets the image from the stub, through packets."""

SYMBOLS = False


def play(s):
    s.connect().says(r'Reading \S*debugger_guest from remote target', r'_start \(\)')
    s.break_at('add')
    s.cont('breakpoint', at='add', line='add-first')
    s.backtrace('add', 'total', 'calls', 'guest_main', '_start')
    s.typed('gdb', 'info sharedlibrary', r'No shared libraries')
    s.typed('gdb', 'remote get /etc/passwd passwd', r'No such file')
    s.delete_all()
    s.cont('exit', status=6)
