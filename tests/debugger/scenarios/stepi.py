"""Single instructions: rip moves by each one's length; nexti goes over a call that stepi goes into."""


def play(s):
    s.connect()
    s.where('_start')
    s.register('rip', 0x200000)
    s.stepi(at='_start')            # xor %ebp, %ebp
    s.register('rip', 0x200002)
    s.register('rbp', 0)
    s.stepi(at='guest_main')        # call guest_main
    s.delete_all()
    s.break_at('total')
    s.cont('breakpoint', at='total')
    s.delete_all()
    s.stepi(20)
    s.nexti(20)
    s.cont('exit', status=6)
