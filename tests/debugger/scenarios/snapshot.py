"""A snapshot, the crash, back again: a watchpoint finds who wrote over the pointer that the guest died of."""

MODE = 'culprit'
BAD = 0x7000000000


def play(s):
    s.connect()
    s.break_at('culprit')
    s.cont('breakpoint', at='culprit', line='culprit-first')
    s.monitor('snapshot save before').says(r"snapshot 'before' saved, cpu0 at 0x")
    s.cont('died')
    s.monitor('snapshot restore before').says(r"snapshot 'before' restored, \d+ pages")
    s.typed('gdb', 'maintenance flush register-cache')
    s.where('culprit', 'culprit-first')
    s.variable('counter', 0)
    s.watch('box.table[4]')
    s.cont('watch', at='clear_table', name=r'box\.table\[4\]', old=r'\d+', new=BAD)
    s.backtrace('clear_table', 'culprit', 'guest_main')
    s.delete_all()
    # Once more, with the culprit's work undone; GDB forgets by itself from here on.
    s.typed('gdb', 'define hookpost-monitor\nmaintenance flush register-cache\nend')
    s.monitor('snapshot restore before').says('restored')
    s.where('culprit', 'culprit-first')
    s.break_at('clear_table')
    s.cont('breakpoint', at='clear_table')
    s.set_variable('n', 4)
    s.delete_all()
    s.cont('exit', status=10)
