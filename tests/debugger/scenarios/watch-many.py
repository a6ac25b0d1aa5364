"""Ten watchpoints at once, an array of 4 KiB, a struct at an odd address, the stack: each names itself and its value."""

MODE = 'many'
WORDS = (0, 1, 2, 3, 4, 5, 6, 7, 9, 11)


def play(s):
    s.connect()
    for number, i in enumerate(WORDS, 1):
        s.typed('gdb', 'watch many.word[%d]' % i, r'Hardware watchpoint %d: many.word\[%d\]' % (number, i))
    for number, i in enumerate(WORDS, 1):
        s.cont('step').says(r'Hardware watchpoint %d: many.word\[%d\]\s+Old value = 0\s+New value = %d'
                      % (number, i, i + 1), r'cpu0 wrote to 0x[0-9a-f]+: old 0x0, new 0x%x' % (i + 1))
    s.monitor('watch').says(r'(?s)(watch +0x[0-9a-f]+\+8 .* 1 hits.*){10}')
    s.delete_all()
    s.typed('gdb', 'watch many.array', r'Hardware watchpoint 11: many.array')
    s.typed('gdb', 'watch many.odd', r'Hardware watchpoint 12: many.odd')
    s.cont('step').says(r'Hardware watchpoint 11: many.array', r'at \+0xfa0: old 0x0, new 0x5a')
    s.cont('step').says(r'Hardware watchpoint 12: many.odd', r'sides = 0', r'sides = 5')
    s.delete_all()
    s.typed('gdb', 'awatch many.word[2]', r'Hardware access \(read/write\) watchpoint 13: many.word\[2\]')
    s.typed('gdb', 'watch local', r'Hardware watchpoint 14: local')
    s.cont('step').says(r'Hardware access \(read/write\) watchpoint 13: many.word\[2\]\s+Value = 3')
    s.cont('step').says(r'Hardware watchpoint 14: local\s+Old value = 1\s+New value = 4')
    s.delete_all()
    s.cont('exit', status=4)
