"""find and compare-sections are carried out by the stub; breakpoints are not what they see."""


def play(s):
    s.connect()
    s.break_at('add')
    s.cont('breakpoint', at='add')
    s.typed('gdb', 'compare-sections', r'Section .text, range 0x[0-9a-f]+ -- 0x[0-9a-f]+: matched',
            r'Section .data, range .*: matched')
    s.typed('gdb', 'find &bytes[0], +16, (char)0xef, (char)1', r'<bytes\+3>\s+1 pattern found')
    s.typed('gdb', 'find &bytes[0], +16, (char)0x55', r'Pattern not found')
    s.typed('gdb', 'find 0x200000, +0x400000, (char)99, (char)97, (char)108, (char)108, (char)115, (char)32', r'1 pattern found')
    s.typed('gdb', 'find 0x700000000000, +16, 1', r'Pattern not found|nable to access')
    s.typed('gdb', 'set variable bytes[0] = 1')
    s.typed('gdb', 'compare-sections .data', r'Section .data, range .*: MIS-MATCHED!')
    s.delete_all()
    s.cont('exit', status=6)
