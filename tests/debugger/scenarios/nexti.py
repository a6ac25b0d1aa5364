"""nexti goes over a call: all of what is called runs."""


def play(s):
    s.connect()
    s.break_at('calls')
    s.cont('breakpoint', at='calls', line='calls-total')
    s.variable('counter', 0)
    s.nexti(2, at='calls', line='calls-total')      # mov $3, %edi; call total
    s.variable('counter', 6)
    s.delete_all()
    s.cont('exit', status=6)
