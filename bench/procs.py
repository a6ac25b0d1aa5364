"""Processes of a measurement: started in a scratch directory, placed on CPUs, ended by their process id."""

import os
import select
import shutil
import socket
import subprocess
import tempfile
import time


class Unavailable(Exception):
    """Something cannot be measured here; the text says why."""


# ---- CPUs ---------------------------------------------------------------------------------------------------

def _core(cpu):
    try:
        with open('/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list' % cpu, encoding='ascii') as f:
            return f.read().strip()
    except OSError:
        return cpu


ALL = sorted(os.sched_getaffinity(0))
HERE = ALL[0]
# Another core, not the other thread of the same one, where there is one.
THERE = next((c for c in ALL if _core(c) != _core(HERE)), ALL[-1])


def place(pid, cpus):
    """All threads of a process."""
    try:
        for tid in os.listdir('/proc/%d/task' % pid):
            os.sched_setaffinity(int(tid), cpus)
    except OSError:
        pass  # a thread that has just ended


def cpu_ns(pid):
    """CPU time of all threads so far."""
    total = 0
    for tid in os.listdir('/proc/%d/task' % pid):
        with open('/proc/%d/task/%s/schedstat' % (pid, tid), encoding='ascii') as f:
            total += int(f.read().split()[0])
    return total


def resident_kib(pid):
    with open('/proc/%d/status' % pid, encoding='ascii') as f:
        found = [int(line.split()[1]) for line in f if line.startswith('VmRSS:')]
    if not found:
        raise Unavailable('process %d has ended' % pid)
    return found[0]


# ---- the scratch directory ------------------------------------------------------------------------------------

class Scratch:
    """Sockets, recordings, logs; gone at the end, with every process that was started."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix='trapline-bench-')
        self.count = 0
        self.running = []
        self.log = open(os.path.join(self.path, 'log'), 'w+', encoding='utf-8', errors='replace')

    def file(self, ending):
        self.count += 1
        return os.path.join(self.path, '%d.%s' % (self.count, ending))

    def start(self, argv, **options):
        options.setdefault('stdin', subprocess.DEVNULL)
        options.setdefault('stdout', self.log)
        options.setdefault('stderr', self.log)
        process = subprocess.Popen(argv, **options)
        self.running.append(process)
        return process

    def end(self, process):
        if process in self.running:
            self.running.remove(process)
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()

    def end_all(self):
        for process in list(self.running):
            self.end(process)

    def close(self):
        self.end_all()
        self.log.close()
        shutil.rmtree(self.path, ignore_errors=True)


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


# ---- programs that take orders (serve.h) ------------------------------------------------------------------------

class Orders:
    """A helper program: order(...) -> (count, microseconds)."""

    def __init__(self, scratch, argv, greets=False):
        self.scratch = scratch
        self.process = scratch.start(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.rest = b''
        self.dead = None
        if greets:
            self._line(15)

    def _line(self, patience):
        end = time.monotonic() + patience
        fd = self.process.stdout.fileno()
        while b'\n' not in self.rest:
            if self.dead:
                raise Unavailable(self.dead)
            left = end - time.monotonic()
            if left <= 0 or not select.select([fd], [], [], left)[0]:
                self._died('no answer within %d s' % patience)
                continue
            more = os.read(fd, 65536)
            if not more:
                self._died('it has ended')
            self.rest += more
        line, self.rest = self.rest.split(b'\n', 1)
        return line.decode('utf-8', 'replace')

    def _died(self, why):
        self.dead = why
        self.scratch.end(self.process)

    def order(self, name, seconds, argument=''):
        if self.dead:
            raise Unavailable(self.dead)
        try:
            self.process.stdin.write(('%s %g %s\n' % (name, seconds, argument)).encode())
        except OSError:
            self._died('it has ended')
        words = self._line(10 + 4 * seconds).split(' ', 1)
        if words[0] != 'ok':
            raise Unavailable(words[1])
        count, us = words[1].split()
        return float(count), float(us)


class Stub:
    """A debug stub and the client connected to it."""

    def __init__(self, bench, argv, address, loop=None, client=True):
        self.scratch = bench.scratch
        self.process = bench.scratch.start(argv)
        self.client = None
        self.mode = None
        kind, where = address.split(':')
        self.target = where if kind == 'unix' else '127.0.0.1:' + where # as GDB wants it
        if client:
            self.client = Orders(bench.scratch, [bench.program('rsp'), address] + ([loop] if loop else []),
                                 greets=True)

    def drop_client(self):
        """The stub waits for the next one: it needs a moment to see that this one has gone."""
        if self.client:
            self.scratch.end(self.client.process)
            self.client = None
            time.sleep(0.3)

    def place(self, mode):
        """same: all on one core; apart: client and stub on one each; free: the stub anywhere."""
        if mode == self.mode:
            return
        if mode == 'apart' and HERE == THERE:
            raise Unavailable('a single CPU')
        stub = {'same': {HERE}, 'apart': {THERE}, 'free': set(ALL)}[mode]
        place(self.process.pid, stub)
        if self.client:
            place(self.client.process.pid, {HERE})
        self.mode = mode

    def cpu_ns(self):
        """Of both sides."""
        return cpu_ns(self.process.pid) + cpu_ns(self.client.process.pid)

    def order(self, mode, name, seconds, argument=''):
        self.place(mode)
        return self.client.order(name, seconds, argument)
