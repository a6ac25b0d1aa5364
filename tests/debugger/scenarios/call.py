"""Functions of the guest called from the prompt, also with a breakpoint in them; the guest goes on as before."""


def play(s):
    s.connect()
    s.break_at('total')
    s.cont('breakpoint', at='total')
    s.typed('gdb', 'print factorial(5)', r'= 120\b')
    s.typed('gdb', 'print add(factorial(3), 4)', r'= 10\b')
    s.typed('gdb', 'call say(modes[1].name)')
    s.break_at('factorial if n == 2')
    s.typed('gdb', 'print factorial(3)', r'Breakpoint 2, factorial \(n=2\)', r'stopped while in a function called')
    s.typed('gdb', 'backtrace', r'#2 +<function called from gdb>', r'#3 .* total \(n=3\)')
    s.delete_all()
    s.typed('gdb', 'finish', r'Run till exit')
    s.typed('gdb', 'finish', r'Value returned is \$\d+ = 6|Run till exit')
    s.where('total')
    s.cont('exit', status=6)
    s.output('accesscalls done\n')
