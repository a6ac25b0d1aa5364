"""Kernels of other protocols: a guest for each shows what it was given; and what `trapline info` says of them."""

import os
import re

from rig import Client, check, finish, one_line, port_of

MAP = 'memory 0 9f000 1\nmemory 9f000 100000 2\nmemory 100000 4000000 1\n'
# File, protocol, where it starts.
KERNELS = [
    ('multiboot1.elf', 'Multiboot 1, 32-bit', 0x10000c),
    ('multiboot1_addresses.elf', 'Multiboot 1, 32-bit', 0x100020),
    ('multiboot1_flat.bin', 'Multiboot 1, 32-bit', 0x100020),
    ('multiboot2.elf', 'Multiboot 2, 32-bit', None),
    ('pvh.elf', 'PVH, 32-bit', 0x100000),
    ('plain32.elf', '32-bit ELF entry, 32-bit', 0x100000),
    ('linux.bzimage', 'Linux 64-bit boot protocol, 64-bit', 0x1000200),
]


def kernel(box, name):
    return os.path.join(box.guests, 'boot', name)


def run(box, name, *args):
    box.need_kvm()
    one, two = box.file('one', b'first file\n'), box.file('two', b'second file\n')
    said = box.run('run', '-m', '64M', kernel(box, name), '--initrd', one, '--module', two + ' with text', '-a', 'a b',
                   *args)
    check(said.status == 0 and 'WRONG' not in said.out and said.err == '', said, name)
    return said, two


def test_multiboot1(box):
    for name in ('multiboot1.elf', 'multiboot1_addresses.elf', 'multiboot1_flat.bin'):
        said, two = run(box, name)
        check('loader trapline\ncommand line %s a b\nlower 27c\nupper fc00\n' % name in said.out, said, 'information')
        check(MAP in said.out, said, 'memory')
        check('module [] first file\nmodule [%s with text] second file\n' % two in said.out, said, 'modules')


def test_multiboot2(box):
    said, two = run(box, 'multiboot2.elf')
    check('command line multiboot2.elf a b\n' in said.out and MAP in said.out, said, 'information')
    check('module [] first file\nmodule [%s with text] second file\n' % two in said.out, said, 'modules')


def test_pvh(box):
    said, two = run(box, 'pvh.elf')
    check(said.out == 'command line a b\n%smodule [] first file\nmodule [%s with text] second file\n' % (MAP, two),
          said, 'start info')


def test_plain32(box):
    said, two = run(box, 'plain32.elf')
    check(said.out == 'command line a b\nmemory 4000000\nmodule [] first file\nmodule [%s with text] second file\n'
          % two, said, 'boot info')


def test_linux(box):
    said, _ = run(box, 'linux.bzimage')
    check(said.out == 'command line a b\n%sinitrd first filesecond file\n' % MAP, said, 'zero page')


def program_counter(client):
    """Register 16; runs of a digit are packed (GDB manual, "Overview": d*n)."""
    digits = re.sub(r'(.)\*(.)', lambda run: run[1] * (ord(run[2]) - 28), client.ask('p10'))
    return int.from_bytes(bytes.fromhex(digits), 'little')


def test_first_instruction_under_the_stub(box):
    """Stopped before it, and one step goes one instruction further."""
    box.need_kvm()
    for name, _, entry in KERNELS:
        if entry is None:
            continue
        child = box.start('run', '--gdb=127.0.0.1:0', kernel(box, name))
        client = Client(port_of(child))
        client.ask('?')
        pc = program_counter(client)
        assert pc == entry, (name, hex(pc))
        assert client.ask('s').startswith('T05'), name
        after = program_counter(client)
        assert entry < after < entry + 16, (name, hex(after))
        client.send('k')
        client.close()
        finish(child)


def test_info(box):
    for name, protocol, entry in KERNELS:
        said = box.run('info', kernel(box, name))
        check(said.status == 0 and said.err == '', said, name)
        check(re.search('^boot +%s' % protocol, said.out, re.M), said, 'protocol')
        check(entry is None or re.search('^entry +0x%x\\b' % entry, said.out, re.M), said, 'entry')
    said = box.run('info', kernel(box, 'pvh.elf'))
    check('note      Xen type 0x12, 4 bytes\n' in said.out and re.search(r'^symbols +\d', said.out, re.M), said, 'note')


def test_info_of_bzimage(box):
    """What it tells of itself, and the symbols of another file."""
    image, elf = kernel(box, 'linux.bzimage'), kernel(box, 'linux.elf')
    said = box.run('info', image)
    check(said.status == 0 and 'symbols   none\n' in said.out, said, 'symbols')
    for part in ('\nlinux     no version\nlinux     boot protocol 2.15, loaded at 0x1000000 or elsewhere at a multiple of 0x',
                 '\nlinux     payload unknown, 0 bytes, unpacked 0\n', '\nlinux     no KASLR: stays where it is linked\n'):
        check(part in said.out, said, part)
    said = box.run('info', '--symbols', elf, image)
    check(re.search(r'^entry +0x1000200  entry64$', said.out, re.M), said, 'entry')
    check(re.search(r'^symbols +\d+ in %s$' % re.escape(elf), said.out, re.M), said, 'symbols')


def test_bad_symbols(box):
    for command in ('info', 'run', 'debug'):
        one_line(box.run(command, '--symbols', box.path('none'), kernel(box, 'linux.bzimage')), 1, 'none: No such file')
        one_line(box.run(command, '--symbols', box.file('text', b'hello'), kernel(box, 'linux.bzimage')), 1,
                 '--symbols: ')
    one_line(box.run('run', '--symbols=', kernel(box, 'linux.bzimage')), 2, 'empty file name in --symbols')


def test_info_of_junk(box):
    one_line(box.run('info', box.file('empty')), 1, 'empty')
    one_line(box.run('info', box.file('text', b'hello')), 1, 'not an ELF file')
    one_line(box.run('info', box.path('none')), 1, 'No such file')
    one_line(box.run('info', '/'), 1, 'not a regular file')
    for name, _, _ in KERNELS:
        with open(kernel(box, name), 'rb') as f:
            whole = f.read()
        for size in (1, 50, 100, 600, 1500, 4200):
            if size < len(whole) - 1100:
                said = box.run('info', box.file('cut', whole[:size]))
                check(said.status in (0, 1) and said.err.count('\n') == said.status, said, '%s %d' % (name, size))


def test_modules_that_are_not_there(box):
    box.need_kvm()
    one_line(box.run('run', kernel(box, 'pvh.elf'), '-i', box.path('none')), 1, 'none: No such file')
    large = box.path('large')
    with open(large, 'wb') as f:
        f.truncate(100 << 20)
    one_line(box.run('run', '-m', '64M', kernel(box, 'pvh.elf'), '-i', large), 1, 'module 1 (102400 KiB) does not fit')
    one_line(box.run('run', '-m', '64M', kernel(box, 'linux.bzimage'), '-i', large), 1, 'the initrd (102400 KiB)')
