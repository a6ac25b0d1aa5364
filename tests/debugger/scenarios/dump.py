"""dump and restore: guest memory to a file and back; append makes it longer."""


def play(s):
    s.connect()
    s.typed('gdb', 'dump binary memory bytes.bin &bytes[0] &bytes[8]')
    s.typed('gdb', 'append binary value bytes.bin (char)0x77')
    s.typed('gdb', 'dump srec memory bytes.srec &bytes[0] &bytes[8]')
    s.typed('gdb', 'set variable bytes[0] = 0')
    s.typed('gdb', 'restore bytes.bin binary &bytes[0]', r'Restoring binary file .* \(0x[0-9a-f]+ to 0x[0-9a-f]+\)')
    s.memory('&bytes[0]', [0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4, 0x77])
    s.typed('gdb', 'set variable bytes[1] = 0')
    s.typed('gdb', 'restore bytes.srec', r'Restoring section')
    s.memory('&bytes[0]', [0xde, 0xad, 0xbe])
    s.cont('exit', status=6)
