"""Ten watchpoints at once, an array of 4 KiB, a struct at an odd address, the stack: each names itself and its value."""

MODE = 'many'
WORDS = (0, 1, 2, 3, 4, 5, 6, 7, 9, 11)


def play(s):
    s.connect()
    if s.dialect.name == 'lldb':
        play_lldb(s)
    else:
        play_gdb(s)
    s.delete_all()
    s.cont('exit', status=4)


def play_lldb(s):
    """Its watchpoints have 1, 2, 4 or 8 bytes."""
    for number, i in enumerate(WORDS, 1):
        s.typed('lldb', 'watchpoint set expression -w write -s 8 -- &many.word[%d]' % i,
                r'Watchpoint created: Watchpoint %d: .* size = 8' % number)
    for number, i in enumerate(WORDS, 1):
        s.cont('access').says(r'Watchpoint %d hit:\s+old value: 0x0+\s+new value: 0x0*%x' % (number, i + 1),
                      r'stop reason = watchpoint %d' % number)
    s.monitor('watch').says(r'(?s)(watch +0x[0-9a-f]+\+8 .* 1 hits.*){10}')
    s.delete_all()
    s.typed('lldb', 'watchpoint set expression -w write -s 8 -- &many.array[4000]', r'Watchpoint 11:')
    s.typed('lldb', 'watchpoint set expression -w write -s 4 -- &many.odd.sides', r'Watchpoint 12: .* size = 4')
    s.cont('access').says(r'Watchpoint 11 hit:', r'stop reason = watchpoint 11')
    s.cont('access').says(r'Watchpoint 12 hit:\s+old value: (0x0+|0)\s+new value: (0x0*)?5')
    s.delete_all()
    s.typed('lldb', 'watchpoint set variable local', r'Watchpoint 13: .* size = 8')
    s.cont('access').says(r'Watchpoint 13 hit:\s+old value: (0x0*)?1\s+new value: (0x0*)?4')


def play_gdb(s):
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
