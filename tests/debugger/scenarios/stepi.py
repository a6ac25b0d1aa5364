"""Single instructions: rip moves by each one's length, and stepi goes into a call."""


def play(s):
    s.connect()
    s.where('_start')
    s.register('rip', 0x200000)
    s.stepi(at='_start')            # xor %ebp, %ebp
    s.register('rip', 0x200002)
    s.register('rbp', 0)
    s.stepi(at='guest_main')        # call guest_main
    s.break_at('calls')
    s.cont('breakpoint', at='calls', line='calls-total')
    s.stepi(2, at='total')          # mov $3, %edi; call total
    s.backtrace('total', 'calls')
    s.delete_all()
    s.stepi(20)
    s.cont('exit', status=6)
