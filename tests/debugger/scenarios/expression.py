"""LLDB's expressions: of variables and registers they work, those that need memory of the guest say why not."""


def play(s):
    s.connect()
    s.break_at('add')
    s.cont('breakpoint', at='add', line='add-first')
    s.typed('lldb', 'expression -- a + b * 10', r'= 10\b')
    s.typed('lldb', 'expression -- shape.at.x', r'= 1\.5\b')
    s.typed('lldb', 'expression -- &bytes[2]', r'= 0x[0-9a-f]+')
    s.typed('lldb', 'expression -- unused = 12', r'= 12\b')
    s.variable('unused', 12)
    s.typed('lldb', 'expression -- factorial(5)', r'error: ')
    s.typed('lldb', 'expression -- $rip == (long)&add', r'= (0|1|true|false)\b')
    s.delete_all()
    s.cont('exit', status=6)
