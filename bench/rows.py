"""The rows of the table: a value of trapline, the limit it is held against, the goal, and the peers.

A limit is a function of one round's values, so that a ratio never compares two moments. Goals are those of the
project's issue on speed; a row without a goal is there to be read.
"""

AT_MOST, AT_LEAST = '<=', '>='


class Row:
    def __init__(self, title, value, limit=None, of='', goal=None, peers=(), direction=AT_MOST):
        self.title = title
        self.value = value          # key, or a function of a round's values
        self.limit = limit          # likewise; None: no ratio
        self.of = of                # the limit in words
        self.goal = goal
        self.peers = peers          # (name, key)
        self.direction = direction  # of the goal: at most for times, at least for rates

    def number(self, what, values):
        """Of one round; None when something of it is missing."""
        try:
            return what(values) if callable(what) else values[what]
        except (KeyError, TypeError):
            return None

    def ratio(self, values):
        top, bottom = self.number(self.value, values), self.number(self.limit, values)
        return top / bottom if top is not None and bottom else None

    def met(self, ratio):
        if self.goal is None or ratio is None:
            return None
        # To two places, as it is printed.
        ratio = round(ratio, 2)
        return ratio <= self.goal if self.direction == AT_MOST else ratio >= self.goal


def less(a, b):
    """a - b of two series."""
    return lambda v: v[a] - v[b]


def total(*parts):
    """Sum of keys and (factor, key)."""
    def limit(values):
        return sum(values[p] if isinstance(p, str) else p[0] * values[p[1]] for p in parts)
    return limit


def peers_of(what, *names):
    return [(name, '%s.%s' % (name, what)) for name in names]


ALL = ('gdbserver', 'qemu-kvm', 'qemu-tcg')


def steps():
    raw_step = 'raw.step'
    step = ('vCont;s and its stop reply', 'g, m too: what GDB makes of a stepi')
    for place, name, on in (('', 'unix', 'unix socket, one core'), ('', 'tcp', 'TCP, one core')):
        ours, null = 'tl.' + name + place, 'null.' + name + place
        of_peers = ALL if name == 'tcp' else ()
        yield Row('%s; %s' % (step[0], on), ours + '.step', total(raw_step, null + '.step'),
                  'raw step + null', 1.3, peers_of('step', *of_peers))
        yield Row('%s; %s' % (step[1], on), ours + '.stepi', total(raw_step, null + '.stepi'),
                  'raw step + null', 1.5, peers_of('stepi', *of_peers))
    for what, text in (('step', step[0]), ('stepi', step[1])):
        yield Row(text + '; unix socket, one core', 'tl.unix.' + what, 'least.unix.' + what, 'least stub on KVM')
    for i, what in enumerate(('step', 'stepi')):
        yield Row('%s; unix socket, two cores' % step[i], 'tl.unix.apart.' + what,
                  total(raw_step, 'null.spin.apart.' + what), 'raw step + spinning null', 1.4,
                  peers_of('apart.' + what, *ALL))
        yield Row('the null stub alone, not spinning; likewise', 'null.unix.apart.' + what,
                  'null.spin.apart.' + what, 'spinning null')
    yield Row('CPU time a second, stopped with a client', 'tl.idle')
    yield Row('range step, instructions/s; unix socket', 'tl.unix.range', lambda v: 1e6 / v[raw_step], 'raw steps/s',
              0.85, [('gdbserver', 'gdbserver.range')], AT_LEAST)
    yield from hits()
    for what, of_peers in (('g', ALL), ('p', ALL)):
        yield Row(what + ' round trip, stopped; unix socket', 'tl.unix.' + what, 'null.unix.' + what, 'null', 1.1)
        yield Row(what + ' round trip, stopped; TCP', 'tl.tcp.' + what, 'null.tcp.' + what, 'null', 1.1,
                  peers_of(what, *of_peers))


def hits():
    yield Row('execute breakpoint: hit, report, over it; unix socket', 'tl.unix.hit',
              total('raw.hit', (2, 'null.unix.step')), 'raw hit + 2 null', 1.4)
    yield Row('the same against its one round trip', 'tl.unix.hit', total('raw.hit', 'null.unix.step'),
              'raw hit + 1 null')
    yield Row('int3 breakpoint: hit, report, over it; unix socket', 'tl.unix.hit-int3',
              total('raw.hit', (2, 'null.unix.step')), 'raw hit + 2 null')
    yield Row('execute breakpoint: likewise; TCP', 'tl.tcp.hit', total('raw.hit', (2, 'null.tcp.step')),
              'raw hit + 2 null', 1.4, peers_of('hit', 'gdbserver'))
    yield Row('execute breakpoint, client steps over (z s Z c); TCP', 'tl.tcp.hit-by-client',
              total('raw.hit', (4, 'null.tcp.step')), 'raw hit + 4 null', None, peers_of('hit-by-client', *ALL))


def memory():
    for what in ('x', 'm', 'M', 'X'):
        for name in ('unix', 'tcp'):
            goal = 0.9 if what in 'xmM' else None
            yield Row('%s, largest packet, MB/s; %s' % (what, 'unix socket' if name == 'unix' else 'TCP'),
                      'tl.%s.%s' % (name, what), 'null.%s.%s' % (name, what), 'null', goal,
                      peers_of(what, *ALL) if name == 'tcp' and what != 'x' else (), AT_LEAST)


def stops():
    rows = [('guest spinning', 'tl.cpus1.ctrl-c', 'raw.kick1', ALL),
            ('guest halted', 'tl.halted.ctrl-c', 'raw.kick1', ())]
    rows += [('%d vcpus spinning' % n, 'tl.cpus%d.ctrl-c' % n, 'raw.kick%d' % n, ()) for n in (2, 4, 8, 16, 64)]
    for title, key, raw, of_peers in rows:
        yield Row('ctrl-C to stop reply, ' + title, key, total(raw, 'null.free.step'), 'raw kick + null', 1.5,
                  peers_of('ctrl-c', *of_peers))
    for cpus in (2, 4, 8, 16, 64):
        yield Row('step one of %d vcpus' % cpus, 'tl.cpus%d.step' % cpus, total((cpus, 'tl.cpus1.step')),
                  '%d x of 1' % cpus, 1.0)


def points():
    for count in (100, 1000, 2000, 10000):
        for what in ('insert', 'hit', 'step', 'remove'):
            text = {'insert': 'insertion of one of %d breakpoints', 'hit': 'int3 hit among %d',
                    'step': 'step among %d', 'remove': 'removal of one of %d'}[what] % count
            yield Row(text, 'tl.points%d.%s' % (count, what), 'tl.points1.' + what, 'with 1',
                      2.0 if what in ('hit', 'step') else None)
    for what, text in (('hit', 'int3 hit'), ('step', 'step')):
        yield Row('%s among 10000, each on a page of its own' % text, 'tl.pages.' + what, 'tl.points1.' + what, 'with 1')


def conditions():
    yield Row('false condition decided in the stub', 'tl.condition', 'raw.hit', 'raw hit', 1.25,
              [('gdbserver', 'gdbserver.condition')])
    for accel in ('kvm', 'tcg'):
        yield Row('the same, hits/s', lambda v: 1e6 / v['tl.condition'],
                  lambda v, key='qemu-%s.client-condition' % accel: 1e6 / v[key],
                  'QEMU %s, decided by the client' % accel, 10, direction=AT_LEAST)
    yield Row('real GDB: conditions decided/s', 'tl.gdb-condition', lambda v: 1e6 / v['raw.hit'], 'raw hits/s', 0.8,
              peers_of('gdb-condition', *ALL), AT_LEAST)


def search():
    yield Row('find over 1 GiB, MB/s', 'tl.search', 'raw.scan', 'memchr', direction=AT_LEAST)


def snapshots():
    for pages in (1, 100, 1000):
        yield Row('snapshot restore after touching %d pages; unix socket' % pages, 'tl.restore%d' % pages,
                  total('raw.restore%d' % pages, 'null.restore.p'), 'memcpy + state ioctls + null', 2.0)


def start():
    for size in ('1M', '64M', '1G', '8G'):
        for what, text in (('first', 'start to first port write'), ('exit', 'start to exit')):
            qemu = peers_of('start64M.' + what, 'qemu-kvm', 'qemu-tcg') if size == '64M' else ()
            yield Row('%s, -m %s' % (text, size), 'tl.start%s.%s' % (size, what),
                      'minimal.start%s.%s' % (size, what), 'minimal program', 1.15, qemu)
    yield Row('start to exit: -m 8G', 'tl.start8G.exit', 'tl.start64M.exit', '-m 64M', 1.15)
    for size in ('1M', '64M', '1G', '8G'):
        yield Row('resident memory of an idle guest, -m %s, KiB over minimal' % size,
                  less('tl.rss' + size, 'minimal.rss' + size), lambda v: 2048, '2048 KiB', 1.0)
    yield Row('guest computing, debugger attached', 'tl.work-attached', 'tl.work', 'none attached', 1.0)
    yield Row('store to a watched page, beside the bytes', 'tl.store-beside', total('raw.mmio-watch', 'tl.store-none'),
              'raw MMIO + a store', 2.0)
    yield Row('store to another page', 'tl.store-elsewhere', 'tl.store-none', 'nothing watched', 1.0)
    yield Row('guest computing, none attached', 'tl.work', 'minimal.work', 'minimal program')


def attach():
    yield Row('attach: connect to the last packet of GDB\'s hello', 'tl.attach', 'null.attach', 'null', 1.2)


def gdb():
    yield Row('real GDB, stepi commands/s; unix socket', 'tl.gdb-stepi', 'null.gdb-stepi', 'null', 0.95,
              peers_of('gdb-stepi', *ALL), AT_LEAST)
    yield Row('the same', 'tl.gdb-stepi', 'least.gdb-stepi', 'least stub on KVM', direction=AT_LEAST)


TABLE = (('Steps, breakpoints, registers', steps), ('Conditions', conditions), ('Memory', memory), ('Searching', search), ('Stopping', stops), ('Many breakpoints', points),
         ('Snapshots', snapshots), ('Attaching', attach), ('Starting and running', start), ('Real GDB', gdb))
