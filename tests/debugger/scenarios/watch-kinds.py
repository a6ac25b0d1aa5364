"""watch -location; awatch and rwatch, or why this host has them not."""

MODE = 'access'


def play(s):
    s.connect()
    s.typed('gdb', 'watch -location unused', r'Hardware watchpoint 1: -location unused')
    s.cont('step').says(r'Hardware watchpoint 1: -location unused\s+Old value = 11\s+New value = 12')
    s.delete_all()
    s.typed('gdb', 'rwatch unused', r'Hardware read watchpoint 2: unused')
    s.cont('step').says(r'(?s)Hardware read watchpoint 2: unused\s+Value = 12|exited').without(
        'watchpoints', r'Could not insert hardware watchpoint 2')
    s.delete_all()
    s.kill()
