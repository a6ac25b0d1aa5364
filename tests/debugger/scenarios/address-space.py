"""monitor cr3 looks addresses up through other page tables; monitor kaslr says when it cannot know."""


def play(s):
    s.connect()
    s.monitor('cr3').says(r"the selected cpu's own cr3")
    s.memory('&bytes[0]', [0xde, 0xad])
    s.monitor('cr3 0x700000').says(r'through cr3 0x700000')
    s.typed('gdb', 'maintenance flush dcache')
    s.typed('gdb', 'x/xb 0x201000', r'Cannot access memory')
    s.monitor('cr3 auto').says('own cr3')
    s.typed('gdb', 'maintenance flush dcache')
    s.memory('&bytes[0]', [0xde, 0xad])
    s.monitor('kaslr').says(r'no symbol entry_SYSCALL_64', 'not known')
    s.kill()
