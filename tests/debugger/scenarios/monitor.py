"""The stub's own commands."""


def play(s):
    s.connect()
    s.monitor('help').says('regs', 'walk', 'exits', 'reset')
    s.monitor('regs').says(r'(?i)cr3', r'(?i)efer', r'(?i)gdt')
    s.monitor('walk 0x200000').says('level 4', 'level 2', '2048 KiB page')
    s.monitor('exits')
    s.monitor('nonsense').says('nonsense')
    s.kill()
