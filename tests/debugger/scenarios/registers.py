"""General, flag, segment and system registers are read and written; an impossible value changes nothing."""


def play(s):
    s.connect()
    s.set_register('rbx', 0x1122334455667788)
    s.register('rbx', 0x1122334455667788)
    s.set_register('r15', 0xffffffffffffffff)
    s.register('r15', 0xffffffffffffffff)
    s.register('cs').says_not(r'= 0x0+\b')
    s.register('cr0').says(r'= 0x0*8[0-9a-f]{7}\b')      # paging is on
    s.register('efer').says(r'= 0x0*[0-9a-f]*[5d][0-9a-f]{2}\b')      # LME and LMA
    s.register('cr3')
    s.set_register('cr0', 0xffffffffffffffff)
    s.register('cr0').says(r'= 0x0*8[0-9a-f]{7}\b')
    s.register('rbx', 0x1122334455667788)
    s.cont('exit', status=6)
