"""What is measured. A block starts its processes and returns its series; the series of a block are measured in
turn, round after round, so that what disturbs one disturbs all.

A series is (key, unit, function). The function gives one value a round: microseconds an operation where the unit is
us, else a rate or a size. Keys are SUBJECT.WHAT; tl is trapline, old the one it is compared with.
"""

import os
import subprocess
import time

import peers
import procs

SIZES = (('1M', 1), ('64M', 64), ('1G', 1024), ('8G', 8192))
VCPUS = (1, 2, 4, 8, 16, 64)
PAGES = (1, 100, 1000)
POINTS = (1, 10, 100, 1000, 2000, 10000)
STEPI_COMMANDS = 200


class Group:
    """Collects the series of one block; a subject that cannot be started is noted and left out."""

    def __init__(self, bench):
        self.bench = bench
        self.series = []

    def start(self, name, make, *args, **options):
        try:
            return make(self.bench, *args, **options)
        except procs.Unavailable as why:
            self.bench.note('%s left out: %s' % (name, why))
            return None

    def add(self, key, unit, function):
        self.series.append((key, unit, function))

    def orders(self, name, stub, mode, table):
        """table: rows of (what, order, argument). Nothing when the stub is not there."""
        for what, order, argument in table if stub else ():
            self.add('%s.%s' % (name, what), *timed(self.bench, stub, mode, order, argument))


# Orders that do nothing but what they count, one side at a time.
CPU_TIMED = ('step', 'stepi', 'ask', 'hit', 'hit-by-client', 'port', 'mmio', 'range')


def timed(bench, stub, mode, order, argument):
    """Unit and function of an order: MB/s for memory, instructions/s for ranges, else us."""
    by_cpu = bench.cpu_time and mode == 'same' and order in CPU_TIMED

    def us():
        before = stub.cpu_ns() if by_cpu else 0
        count, taken = stub.order(mode, order, bench.seconds, argument)
        return (stub.cpu_ns() - before) / 1e3 / count if by_cpu else taken / count

    def per_us():
        before = stub.cpu_ns() if by_cpu else 0
        count, taken = stub.order(mode, order, bench.seconds, argument)
        return count / ((stub.cpu_ns() - before) / 1e3 if by_cpu else taken)

    if order in ('read', 'write'):
        return 'MB/s', per_us
    if order == 'range':
        return '1/s', lambda: per_us() * 1e6
    return 'us', us


def subjects(bench):
    """(name, program) of the traplines."""
    found = [('tl', bench.trapline)]
    if bench.against:
        found.append(('old', bench.against))
    return found


class Limits(procs.Orders):
    def __init__(self, bench):
        super().__init__(bench.scratch, [bench.program('limits')])
        procs.place(self.process.pid, {procs.HERE})

    def order(self, mode, name, seconds, argument=''):
        return super().order(name, seconds, argument)

    def cpu_ns(self):
        return procs.cpu_ns(self.process.pid)


# ---- steps, breakpoints, registers ---------------------------------------------------------------------------

PATTERNS = (('step', 'step', ''), ('stepi', 'stepi', ''))
REGISTERS = (('g', 'ask', 'g'), ('p', 'ask', 'p10'))
RAW = (('step', 'step', ''), ('step-regs', 'step', 'regs'), ('hit', 'hit', ''), ('hit-rf', 'hit', 'rf'),
       ('port', 'port', ''), ('mmio', 'mmio', ''))
STUB_HITS = (('hit', 'hit', '1'), ('hit-int3', 'hit', '0'))
CLIENT_HITS = (('hit-by-client', 'hit-by-client', '1'),)
RANGE = (('range', 'range', ''),)


def apart(group, name, stub, table):
    group.orders(name + '.apart', stub, 'apart', table)


def idle_cpu(group, name, stub):
    """Microseconds of CPU in a second of doing nothing with a client attached."""
    def value():
        stub.order('apart', 'step', 0.002)
        time.sleep(0.2)  # the clock that ticks behind a step has stopped
        before, start = procs.cpu_ns(stub.process.pid), time.monotonic()
        time.sleep(0.2)
        return (procs.cpu_ns(stub.process.pid) - before) / 1e3 / (time.monotonic() - start)
    if stub:
        group.add(name + '.idle', 'us/s', value)


def steps(bench):
    group = Group(bench)
    own = PATTERNS + REGISTERS
    limits = group.start('raw KVM', Limits)
    group.orders('raw', limits, 'same', RAW)
    for tcp, name in ((False, 'unix'), (True, 'tcp')):
        null = group.start('null', peers.null, tcp=tcp, replies=bench.recording.replies)
        group.orders('null.' + name, null, 'same', own)
        apart(group, 'null.' + name, null, own)
    least = group.start('least stub', peers.null, replies=bench.recording.replies, steps=True)
    group.orders('least.unix', least, 'same', PATTERNS)
    spin = group.start('spinning null', peers.null, spin_us=50, replies=bench.recording.replies)
    apart(group, 'null.spin', spin, own)
    for name, binary in subjects(bench):
        stub = group.start(name, peers.trapline, binary)
        group.orders(name + '.unix', stub, 'same', own + STUB_HITS + CLIENT_HITS + RANGE)
        apart(group, name + '.unix', stub, own)
        idle_cpu(group, name, stub)
        group.orders(name + '.tcp', group.start(name, peers.trapline, binary, tcp=True), 'same', own + STUB_HITS +
                     CLIENT_HITS)
    if bench.peers:
        stub = group.start('gdbserver', peers.gdbserver)
        group.orders('gdbserver', stub, 'same', own + STUB_HITS + CLIENT_HITS + RANGE)
        apart(group, 'gdbserver', stub, PATTERNS)
        for accel in ('kvm', 'tcg'):
            stub = group.start('QEMU ' + accel, peers.qemu, accel)
            group.orders('qemu-' + accel, stub, 'same', own + CLIENT_HITS)
            apart(group, 'qemu-' + accel, stub, PATTERNS)
    return group.series


# ---- memory -------------------------------------------------------------------------------------------------------

def moves(address):
    return (('x', 'read', 'x ' + address), ('m', 'read', 'm ' + address), ('M', 'write', 'M ' + address),
            ('X', 'write', 'X ' + address))


def memory(bench):
    group = Group(bench)
    limits = group.start('memcpy', Limits)
    if limits:
        group.add('raw.memcpy', 'MB/s', lambda: bench.rate(limits.order('same', 'memcpy', bench.seconds)))
    table = moves(peers.MEMORY)
    for tcp, name in ((False, 'unix'), (True, 'tcp')):
        group.orders('null.' + name, group.start('null', peers.null, tcp=tcp), 'same', table)
        for subject, binary in subjects(bench):
            stub = group.start(subject, peers.trapline, binary, tcp=tcp)
            group.orders('%s.%s' % (subject, name), stub, 'same', table)
    if bench.peers:
        stub = group.start('gdbserver', peers.gdbserver)
        group.orders('gdbserver', stub, 'same', moves(stub.memory) if stub else ())
        for accel in ('kvm', 'tcg'):
            group.orders('qemu-' + accel, group.start('QEMU ' + accel, peers.qemu, accel), 'same', table)
    return group.series


# ---- stopping what runs ---------------------------------------------------------------------------------------------

def stops(bench):
    group = Group(bench)
    table = (('ctrl-c', 'ctrl-c', ''),)
    limits = group.start('raw KVM', Limits)
    kicks = [('kick%d' % count, 'kick', '%d -1' % count) for count in VCPUS]
    group.orders('raw', limits, 'apart', kicks)
    group.orders('null.free', group.start('null', peers.null, replies=bench.recording.replies), 'free',
                 (('step', 'step', ''),) + table)
    for name, binary in subjects(bench):
        halted = group.start(name, peers.trapline, binary, guest='halt', to_loop=False)
        group.orders(name + '.halted', halted, 'free', table)
        for cpus in VCPUS:
            stub = group.start(name, peers.trapline, binary, cpus=cpus)
            group.orders('%s.cpus%d' % (name, cpus), stub, 'free', table + PATTERNS[:1])
    if bench.peers:
        group.orders('gdbserver', group.start('gdbserver', peers.gdbserver), 'free', table)
        for accel in ('kvm', 'tcg'):
            group.orders('qemu-' + accel, group.start('QEMU ' + accel, peers.qemu, accel), 'free', table)
    return group.series


# ---- many breakpoints -----------------------------------------------------------------------------------------------

def with_points(bench, stub, count, apart=5):
    """Four functions: a point's insertion, a hit among them, a step among them, a point's removal. They are
    called in this order; the last three need that the first one worked."""
    inserted = []

    def change(letter):
        done, us = stub.order('same', 'points', 0, '%s %d %s %d' % (letter, count, peers.POINTS, apart))
        return us / done

    def insert():
        inserted.clear()
        value = change('Z')
        inserted.append(count)
        return value

    def among(function):
        def value():
            if not inserted:
                raise procs.Unavailable('they could not be inserted')
            return function()
        return value

    hit, step = (timed(bench, stub, 'same', order, '0')[1] for order in ('hit', 'step'))
    return insert, among(hit), among(step), among(lambda: change('z'))


def points(bench):
    group = Group(bench)
    for name, binary in subjects(bench):
        stub = group.start(name, peers.trapline, binary)
        for count in POINTS if stub else ():
            for what, function in zip(('insert', 'hit', 'step', 'remove'), with_points(bench, stub, count)):
                group.add('%s.points%d.%s' % (name, count, what), 'us', function)
        # One a page: what a breakpoint at every function of a large kernel comes to.
        for what, function in zip(('insert', 'hit', 'step', 'remove'), with_points(bench, stub, 10000, 4165)
                                  if stub else ()):
            group.add('%s.pages.%s' % (name, what), 'us', function)
    return group.series


# ---- snapshots ------------------------------------------------------------------------------------------------------

def snapshots(bench):
    group = Group(bench)
    limits = group.start('raw KVM', Limits)
    group.orders('raw', limits, 'same', [('restore%d' % pages, 'restore', str(pages)) for pages in PAGES])
    null = group.start('null', peers.null, replies=bench.recording.replies)
    group.orders('null.restore', null, 'same', REGISTERS[1:])
    for name, binary in subjects(bench):
        stub = group.start(name, peers.trapline, binary)
        group.orders(name, stub, 'same', [('restore%d' % pages, 'restore', '%d %s' % (pages, peers.MEMORY))
                                          for pages in PAGES])
    return group.series


# ---- conditions -------------------------------------------------------------------------------------------------------

GDB_HITS = (('tl', 2000), ('old', 2000), ('gdbserver', 2000), ('qemu-kvm', 200), ('qemu-tcg', 200))


def conditions(bench):
    """False conditions: decided in the stub, by a client, and by real GDB with the means that it has there."""
    group = Group(bench)
    group.orders('raw', group.start('raw KVM', Limits), 'same', [('hit', 'hit', '')])
    loop, native = bench.program('guest_loop.elf'), bench.program('native_loop.elf')
    stubs = [(name, group.start(name, peers.trapline, binary), loop) for name, binary in subjects(bench)]
    if bench.peers:
        stubs.append(('gdbserver', group.start('gdbserver', peers.gdbserver), native))
        stubs += [('qemu-' + a, group.start('QEMU ' + a, peers.qemu, a), loop) for a in ('kvm', 'tcg')]
    for name, stub, _ in stubs:
        group.orders(name, stub, 'same', (('condition', 'condition', '1'), ('client-condition', 'client-condition', '1')))
    if bench.peers:
        stubs = [(name, stub, image) for name, stub, image in stubs if name != 'gdbserver']
        stubs.append(('gdbserver', group.start('gdbserver', peers.gdbserver, client=False), native))
    for name, stub, image in with_gdb(bench, stubs):
        at = '100000' if name.startswith('qemu') else peers.symbol(image, 'loop')
        gdb = group.start(name, peers.Gdb, image, stub.target)
        if gdb:
            group.add(name + '.gdb-condition', '1/s', condition_rate(gdb, at, dict(GDB_HITS)[name]))
    return group.series


def with_gdb(bench, stubs):
    """Machines of their own for real GDB: the others keep their clients."""
    group = Group(bench)
    for name, stub, image in stubs:
        if not stub:
            continue
        if name in ('tl', 'old'):
            stub = group.start(name, peers.trapline, dict(subjects(bench))[name])
        elif name.startswith('qemu'):
            stub = group.start(name, peers.qemu, name[5:])
        if stub:
            stub.place('same')
            stub.drop_client()
            yield name, stub, image


def condition_rate(gdb, loop, hits):
    def value():
        count, us = gdb.condition(loop, hits)
        return count / us * 1e6
    return value


# ---- searching --------------------------------------------------------------------------------------------------------

def searching(bench):
    group = Group(bench)
    limits = group.start('memory scan', Limits)
    size = '%x' % (1 << 30)
    if limits:
        group.add('raw.scan', 'MB/s', lambda: bench.rate(limits.order('same', 'scan', bench.seconds, size)))
    for name, binary in subjects(bench):
        stub = group.start(name, peers.trapline, binary, memory='1200M')
        if stub:
            group.add(name + '.search', 'MB/s', lambda stub=stub: bench.rate(
                stub.order('same', 'search', bench.seconds, '%s,%s' % (peers.MEMORY, size))))
    return group.series


# ---- attaching --------------------------------------------------------------------------------------------------------

def attaching(bench):
    group = Group(bench)
    if not bench.recording.script:
        bench.note('attach left out: no recording of what GDB says first')
        return []
    table = (('attach', 'attach', bench.recording.script),)
    group.orders('null', group.start('null', peers.null, replies=bench.recording.replies), 'same', table)
    for name, binary in subjects(bench):
        group.orders(name, group.start(name, peers.trapline, binary), 'same', table)
    return group.series


# ---- starting and ending ----------------------------------------------------------------------------------------------

def launch(bench, argv, attach=None, point=None):
    """(first byte, last byte, end) in microseconds after the start. point: a packet of the debugger's."""
    env = dict(os.environ, LAUNCH_ATTACH=attach) if attach else None
    if point:
        env['LAUNCH_POINT'] = point
    out = subprocess.run([bench.program('launch')] + argv, stdin=subprocess.DEVNULL, capture_output=True, env=env,
                         timeout=60, check=False)
    if out.returncode != 0:
        raise procs.Unavailable('%s did not run' % argv[0])
    return [float(word) for word in out.stdout.split()[:3]]


def both_times(group, key, run):
    """Two series from one launch: until the first byte, until the end."""
    kept = {}

    def first():
        kept['end'] = None
        times = run()
        kept['end'] = times[2]
        return times[0]

    def end():
        if kept.get('end') is None:
            raise procs.Unavailable('see first')
        return kept['end']

    group.add(key + '.first', 'us', first)
    group.add(key + '.exit', 'us', end)


def guest_for(bench, name, mib):
    """The guests stand at 1 MiB, those of a machine that has no more than that below."""
    return bench.program('guest_%s%s.elf' % (name, '' if mib > 1 else '_low'))


def starting(bench):
    group = Group(bench)
    for text, mib in SIZES:
        image = guest_for(bench, 'start', mib)
        argv = [bench.program('minimal'), image, str(mib)]
        both_times(group, 'minimal.start' + text, lambda argv=argv: launch(bench, argv))
        for name, binary in subjects(bench):
            argv = [binary, 'run', '-q', '-m', text, image]
            both_times(group, '%s.start%s' % (name, text), lambda argv=argv: launch(bench, argv))
    for accel in ('kvm', 'tcg') if bench.peers else ():
        argv = group.start('QEMU ' + accel, peers.qemu_start_argv, accel)
        if argv:
            both_times(group, 'qemu-%s.start64M' % accel, lambda argv=argv: launch(bench, argv))
    return group.series


def resident(bench, argv):
    """KiB of an idle machine, when it has stopped growing."""
    process = bench.scratch.start(argv)
    last, now = -1, 0
    for _ in range(40):
        time.sleep(0.05)
        last, now = now, procs.resident_kib(process.pid)
        if last == now:
            break
    bench.scratch.end(process)
    return now


def idle(bench):
    group = Group(bench)
    for text, mib in SIZES:
        image = guest_for(bench, 'halt', mib)
        argv = [bench.program('minimal'), image, str(mib)]
        group.add('minimal.rss' + text, 'KiB', lambda argv=argv: resident(bench, argv))
        for name, binary in subjects(bench):
            argv = [binary, 'run', '-q', '-m', text, image]
            group.add(name + '.rss' + text, 'KiB', lambda argv=argv: resident(bench, argv))
    return group.series


def working(bench):
    """A guest that computes, with nobody attached and with a debugger that only waits."""
    group = Group(bench)
    guests = [bench.program('guest_work.elf'), bench.program('guest_work_long.elf')]
    times = launch(bench, [bench.program('minimal'), guests[0], '64'])
    image = guests[0] if times[1] - times[0] > 10000 else guests[1]

    def value(argv, attach=None):
        times = launch(bench, argv, attach)
        return times[1] - times[0]

    group.add('minimal.work', 'us', lambda: value([bench.program('minimal'), image, '64']))
    for name, binary in subjects(bench):
        plain = [binary, 'run', '-q', '-m', '64M', image]
        group.add(name + '.work', 'us', lambda plain=plain: value(plain))

        def attached(binary=binary):
            address = 'unix:' + bench.scratch.file('sock')
            return value([binary, 'run', '-q', '-m', '64M', '--gdb=' + address, image], address)
        group.add(name + '.work-attached', 'us', attached)
    return group.series


# ---- watched pages --------------------------------------------------------------------------------------------------

STORES = 20000              # of guests/stores.S, to 0x400000
# 64 bytes need more than the four debug registers wherever those fire.
WATCHES = (('none', 'Z0,500000,1'), ('beside', 'Z2,400100,40'), ('elsewhere', 'Z2,500100,40'))


def watching(bench):
    """A guest's stores: with nothing watched, to the watched page beside the watched bytes, to another page."""
    group = Group(bench)
    limits = group.start('raw KVM', Limits)
    group.orders('raw', limits, 'same', (('mmio-watch', 'mmio', ''),))
    image = bench.program('guest_stores.elf')
    for name, binary in subjects(bench):
        for what, point in WATCHES:
            def value(binary=binary, point=point):
                address = 'unix:' + bench.scratch.file('sock')
                times = launch(bench, [binary, 'run', '-q', '-m', '64M', '--gdb=' + address, image], address, point)
                return (times[1] - times[0]) / STORES
            group.add('%s.store-%s' % (name, what), 'us', value)
    return group.series


# ---- real GDB ------------------------------------------------------------------------------------------------------------

def stepi_rate(bench, gdb, stub):
    def value():
        before = procs.cpu_ns(gdb.process.pid) + procs.cpu_ns(stub.process.pid)
        count, us = gdb.stepi(STEPI_COMMANDS)
        if bench.cpu_time:
            us = (procs.cpu_ns(gdb.process.pid) + procs.cpu_ns(stub.process.pid) - before) / 1e3
        return count / us * 1e6
    return value


def real_gdb(bench):
    group = Group(bench)
    loop, native = bench.program('guest_loop.elf'), bench.program('native_loop.elf')
    stubs = [('null', group.start('null', peers.null, replies=bench.recording.replies), loop)]
    stubs.append(('least', group.start('least stub', peers.null, replies=bench.recording.replies, steps=True), loop))
    stubs += [(name, group.start(name, peers.trapline, binary), loop) for name, binary in subjects(bench)]
    if bench.peers:
        stubs.append(('gdbserver', group.start('gdbserver', peers.gdbserver, client=False), native))
        stubs += [('qemu-' + a, group.start('QEMU ' + a, peers.qemu, a), loop) for a in ('kvm', 'tcg')]
    for name, stub, image in stubs:
        if not stub:
            continue
        stub.place('same')
        stub.drop_client()
        gdb = group.start(name, peers.Gdb, image, stub.target)
        if gdb:
            group.add(name + '.gdb-stepi', '1/s', stepi_rate(bench, gdb, stub))
    return group.series


BLOCKS = {
    'steps': steps, 'conditions': conditions, 'search': searching, 'memory': memory, 'stops': stops, 'points': points, 'snapshots': snapshots,
    'attach': attaching, 'start': starting, 'idle': idle, 'work': working, 'watch': watching, 'gdb': real_gdb,
}
