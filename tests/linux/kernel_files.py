"""What debugging Debian's kernel takes and its package lacks: the kernel unpacked, and an ELF file with its symbols.

Both come out of the bzImage: its payload is the ELF file without symbols, which the kernel has for /proc/kallsyms in
a table of its own (Linux, scripts/kallsyms.c; the order of its parts is that of 6.1).  They are made once and kept
beside the kernel in the rig's cache.
"""

import os
import re
import struct
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'rig'))

from nested import packages  # noqa: E402
from nested.errors import missing  # noqa: E402

LZ4 = b'\x02\x21\x4c\x18'
VERSION = 1  # of these files


def payload(image):
    sectors, = struct.unpack_from('<B', image, 0x1f1)
    offset, length = struct.unpack_from('<II', image, 0x248)
    start = (sectors + 1) * 512 + offset
    return image[start:start + length]


def lz4_length(block, at):
    """The rest of a length of 15 and more, and what comes behind it."""
    length = 15
    while block[at] == 255:
        length += 255
        at += 1
    return length + block[at], at + 1


def lz4_block(block, out):
    """One block of the format (lz4, doc/lz4_Block_format.md); matches may lie in what came before it."""
    at, end = 0, len(block)
    while True:
        token = block[at]
        at += 1
        length = token >> 4
        if length:
            if length == 15:
                length, at = lz4_length(block, at)
            out += block[at:at + length]
            at += length
        if at >= end:
            return
        start = len(out) - (block[at] | block[at + 1] << 8)
        at += 2
        length = token & 15
        if length == 15:
            length, at = lz4_length(block, at)
        length += 4
        part = out[start:start + length]
        # A match that reaches into itself is repeated.
        out += part if len(part) == length else (part * (length // len(part) + 1))[:length]


def unpack(image):
    data = payload(image)
    if not data.startswith(LZ4):
        raise missing('the kernel of this Debian is not packed with LZ4, the only packing that the test knows')
    out, at = bytearray(), 4
    while at < len(data) - 4:
        size, = struct.unpack_from('<I', data, at)
        lz4_block(data[at + 4:at + 4 + size], out)
        at += 4 + size
    assert len(out) == struct.unpack_from('<I', data, len(data) - 4)[0], 'the kernel was unpacked wrongly'
    return bytes(out)


def align(offset):
    return (offset + 7) & ~7


def tokens(elf, start):
    """The pieces that names are made of: 256 strings, among them each digit at its own place."""
    digits = b''.join(b'%c\0' % c for c in b'0123456789')
    at = elf.index(digits, start)
    for _ in range(ord('0')):
        at = elf.rindex(b'\0', 0, at - 1) + 1
    return elf[at:at + 8192].split(b'\0')[:256]


def names_of(elf, at, count):
    """[name] as rows of tokens, if so many are there and the table of where each 256th is says the same; or None."""
    rows, places, start = [], [], at
    for n in range(count):
        if n % 256 == 0:
            places.append(at - start)
        rows.append(elf[at + 1:at + 1 + elf[at]])
        at += 1 + elf[at]
    markers = struct.unpack_from('<%dI' % len(places), elf, align(at))
    return (rows, align(at)) if list(markers) == places else (None, 0)


def symbols(elf):
    """[(address, type, name)] of kallsyms: offsets, the address they count from, how many there are, their names."""
    base, _ = text_section(elf)
    for found in re.finditer(re.escape(struct.pack('<Q', base)), elf):
        at = found.end()
        count, = struct.unpack_from('<Q', elf, at)
        rows, end = names_of(elf, at + 8, count) if 10000 < count < 1 << 20 else (None, 0)
        if rows:
            break
    else:
        raise missing("the kernel's table of symbols is not of the form that the test knows")
    pieces = tokens(elf, end)
    offsets = struct.unpack_from('<%di' % count, elf, found.start() - align(4 * count))
    listed = []
    for offset, row in zip(offsets, rows):
        text = b''.join(pieces[c] for c in row).decode()
        # Those of processors are as they are, the others counted down from the base (CONFIG_KALLSYMS_ABSOLUTE_PERCPU).
        listed.append((offset if offset >= 0 else base - 1 - offset, text[0], text[1:]))
    return listed


def text_section(elf):
    """(address, size) that all code of the kernel lies in."""
    offset, = struct.unpack_from('<Q', elf, 0x20)
    size, count = struct.unpack_from('<HH', elf, 0x36)
    headers = [struct.unpack_from('<IIQQQQ', elf, offset + n * size) for n in range(count)]
    high = [h for h in headers if h[0] == 1 and h[3] >> 63]
    memory = [struct.unpack_from('<Q', elf, offset + n * size + 0x28)[0] for n in range(count)]
    end = max(h[3] + memory[n] for n, h in enumerate(headers) if h in high)
    start = min(h[3] for h in high)
    return start, end - start


def symbol_file(elf, listed):
    """An ELF file with nothing but one section of code, whose bytes it lacks, and the names of functions in it."""
    start, size = text_section(elf)
    names, table = bytearray(b'\0'), bytearray(24)
    for address, kind, name in listed:
        if kind in 'TtWw' and start <= address < start + size:
            table += struct.pack('<IBBHQQ', len(names), 0x12, 0, 1, address, 0)
            names += name.encode() + b'\0'
    strings = b'\0.text\0.symtab\0.strtab\0'
    at, sections = 64, [bytes(64)]

    def section(name, kind, flags, address, length, link=0, entry=0):
        sections.append(struct.pack('<IIQQQQIIQQ', strings.index(name), kind, flags, address, at, length, link, 1, 8, entry))

    section(b'.text', 8, 6, start, size)
    section(b'.symtab', 2, 0, 0, len(table), 3, 24)
    at += len(table)
    section(b'.strtab', 3, 0, 0, len(names))
    at += len(names)
    section(b'\0', 3, 0, 0, len(strings))
    at = align(at + len(strings))
    head = b'\x7fELF\2\1\1' + bytes(9) + struct.pack('<HHIQQQIHHHHHH', 2, 62, 1, start, 0, at, 0, 64, 56, 0, 64, 5, 4)
    body = bytes(head + table + names + strings)
    return body + bytes(at - len(body)) + b''.join(sections)


def make(kernel, folder):
    with open(os.path.join(kernel, 'vmlinuz'), 'rb') as f:
        elf = unpack(f.read())
    with open(os.path.join(folder, 'vmlinux'), 'wb') as out:
        out.write(elf)
    with open(os.path.join(folder, 'vmlinux.symbols'), 'wb') as out:
        out.write(symbol_file(elf, symbols(elf)))


def folder():
    """A folder with vmlinuz, vmlinux and vmlinux.symbols."""
    kernel = packages.kernel()
    name = os.path.join(packages.cache_dir(), 'linux=%s-%d' % (os.path.basename(kernel).partition('=')[2], VERSION))
    with packages.cache_lock():
        if not os.path.isdir(name):
            with tempfile.TemporaryDirectory(prefix='new.', dir=packages.cache_dir()) as tmp:
                new = os.path.join(tmp, 'keep')
                os.mkdir(new)
                os.symlink(os.path.join(kernel, 'vmlinuz'), os.path.join(new, 'vmlinuz'))
                make(kernel, new)
                os.rename(new, name)
    return name
