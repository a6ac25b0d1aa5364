"""How each side is started: trapline, the null stub, gdbserver, QEMU, real GDB."""

import os
import re
import shutil
import subprocess

import procs
import record

QEMU = 'qemu-system-x86_64'
MEMORY = '400000'   # guest memory that nobody uses
POINTS = '800000'


def symbol(elf, name):
    listing = subprocess.run(['nm', elf], capture_output=True, text=True, check=True).stdout
    return next(line.split()[0].lstrip('0') for line in listing.splitlines() if line.split()[-1] == name)


def need(program):
    path = shutil.which(program)
    if not path:
        raise procs.Unavailable('%s is not installed' % program)
    return path


# ---- trapline -----------------------------------------------------------------------------------------------

def trapline(bench, binary, guest='loop', tcp=False, cpus=1, to_loop=True, memory='64M'):
    image = bench.program('guest_%s.elf' % guest)
    port = procs.free_port()
    path = bench.scratch.file('sock')
    address = 'tcp:%d' % port if tcp else 'unix:' + path
    argv = [binary, 'run', '-q', '-m', memory, '-c', str(cpus), '--gdb=' + (':%d' % port if tcp else address), image]
    return procs.Stub(bench, argv, address, symbol(image, 'loop') if to_loop else None)


# ---- a stub with nothing behind it ----------------------------------------------------------------------------

def null(bench, tcp=False, spin_us=0, replies=None, steps=False):
    path = bench.scratch.file('sock')
    address = 'tcp:%d' % procs.free_port() if tcp else 'unix:' + path
    argv = [bench.program('null'), address, replies or '-', str(spin_us)] + ['step'] * steps
    return procs.Stub(bench, argv, address)


# ---- peers ------------------------------------------------------------------------------------------------------

def gdbserver(bench, client=True):
    port = procs.free_port()
    image = bench.program('native_loop.elf')
    stub = procs.Stub(bench, [need('gdbserver'), '--once', '127.0.0.1:%d' % port, image], 'tcp:%d' % port,
                      symbol(image, 'loop'), client)
    stub.memory = symbol(image, 'buffer')
    return stub


def qemu(bench, accel):
    port = procs.free_port()
    argv = [need(QEMU), '-M', 'pc,accel=' + accel, '-m', '64', '-nodefaults', '-display', 'none', '-S', '-bios',
            bench.program('rom_loop.elf'), '-gdb', 'tcp:127.0.0.1:%d' % port]
    return procs.Stub(bench, argv, 'tcp:%d' % port, '100000')


def qemu_start_argv(bench, accel):
    return [need(QEMU), '-M', 'microvm,accel=' + accel, '-m', '64', '-nodefaults', '-display', 'none', '-bios',
            bench.program('rom_start.elf'), '-chardev', 'stdio,id=out,signal=off',
            '-device', 'isa-debugcon,chardev=out', '-device', 'isa-debug-exit,iobase=0xf8,iosize=1']


def versions():
    found = {}
    for program in ('gdb', 'gdbserver', QEMU):
        if shutil.which(program):
            text = subprocess.run([program, '--version'], capture_output=True, text=True, check=False).stdout
            found[program] = text.splitlines()[0] if text else '?'
    return found


# ---- real GDB ---------------------------------------------------------------------------------------------------

class Gdb:
    """A GDB attached to a stub; rate(n) lets it do n stepi commands."""

    def __init__(self, bench, image, target):
        self.bench = bench
        self.process = bench.scratch.start(
            [need('gdb'), '-q', '-nx', image], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
            env=dict(os.environ, LC_ALL='C', HOME=bench.scratch.path))
        procs.place(self.process.pid, {procs.HERE})
        self.rest = b''
        for command in ('set confirm off', 'set pagination off', 'set width 0', 'target remote ' + target):
            self._say(command)
        self._time()

    def _say(self, command):
        self.process.stdin.write(command.encode() + b'\n')

    def _time(self):
        """The clock when GDB has done all it was told, by GDB itself."""
        self._say('shell date +%s%N')
        while True:
            match = re.search(rb'\b(\d{19})\n', self.rest)
            if match:
                self.rest = self.rest[match.end():]
                return int(match.group(1)) / 1e3
            more = self.bench.read(self.process.stdout.fileno(), 30)
            if not more:
                raise procs.Unavailable('gdb has ended')
            self.rest += more

    def script(self, count):
        path = os.path.join(self.bench.scratch.path, 'stepi%d' % count)
        if not os.path.exists(path):
            with open(path, 'w', encoding='ascii') as f:
                f.write('stepi\n' * count)
        return path

    def condition(self, loop, count):
        """(count, microseconds) of hits of a breakpoint whose condition holds at the count-th."""
        self._say('eval "hbreak *0x%s if $rax == %%lu", (unsigned long) $rax + %d' % (loop, count))
        start = self._time()
        self._say('continue')
        taken = self._time() - start
        self._say('delete')
        return count, taken

    def stepi(self, count):
        """(count, microseconds)"""
        path = self.script(count)
        start = self._time()
        self._say('source ' + path)
        return count, self._time() - start


# What rsp.c asks for; a loop of four instructions is stepped through twice.
PLAIN = [b'?', b'qC', b'vCont?'] + [b'vCont;s:1', b'g', b'p10'] * 8


class Recording:
    """What trapline says, kept for the null stub, and what GDB asks at first. Without gdb: only the former."""

    def __init__(self, bench, binary):
        self.replies, self.script, self.packets_per_stepi = bench.scratch.file('replies'), None, None
        stub = trapline(bench, binary)
        stub.drop_client()
        pairs = record.ask(stub.target, PLAIN)
        if shutil.which('gdb'):
            pairs += self.with_gdb(bench, stub)
        bench.scratch.end(stub.process)
        record.write_replies(self.replies, pairs)

    def with_gdb(self, bench, stub):
        image = bench.program('guest_loop.elf')
        pairs, mark = record.record(bench.scratch, need('gdb'), image, stub.target, 8)
        if mark < len(pairs):
            self.script = bench.scratch.file('script')
            record.write_script(self.script, [request for request, _ in pairs[:mark]])
            self.packets_per_stepi = record.step_packets(pairs, mark)
        return pairs
