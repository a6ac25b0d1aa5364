#!/usr/bin/env python3
"""run.py BUILD [options]: measures the trapline of a build tree.  See README.md."""

import argparse
import os
import signal
import sys
import time

import peers
import procs
import report
import series

ROUNDS = 7
SECONDS = 0.04 # of one measurement: long against a system call, short against a disturbance


class Bench:
    def __init__(self, args):
        self.build = os.path.abspath(args.build)
        self.trapline = os.path.join(self.build, 'trapline')
        self.against = args.against and os.path.abspath(args.against)
        self.peers = not args.no_peers and not args.against
        self.seconds = args.seconds
        self.rounds = args.rounds
        self.cpu_time = args.cpu_time
        self.scratch = procs.Scratch()
        self.notes = []
        self.samples = {}                                # key -> (unit, values)
        self.by_round = [{} for _ in range(args.rounds)] # round -> key -> value
        self.recording = None

    def program(self, name):
        return os.path.join(self.build, 'bench', name)

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    @staticmethod
    def rate(result):
        return result[0] / result[1]

    @staticmethod
    def read(fd, patience):
        """Some bytes, or none at the end; Unavailable when there are none for too long."""
        if not procs.select.select([fd], [], [], patience)[0]:
            raise procs.Unavailable('no answer within %d s' % patience)
        return os.read(fd, 65536)

    def record(self):
        self.recording = peers.Recording(self, self.trapline)

    def measure(self, name):
        """One block: all its series in turn, round after round."""
        start = time.monotonic()
        todo = series.BLOCKS[name](self)
        for number in range(self.rounds):
            for entry in list(todo):
                if not self.measure_one(number, *entry):
                    todo.remove(entry)
        self.scratch.end_all()
        print('bench: %s: %d series, %.0f s' % (name, len(todo), time.monotonic() - start), file=sys.stderr)

    def measure_one(self, number, key, unit, function):
        try:
            value = function()
        except procs.Unavailable as why:
            self.note('%s left out: %s' % (key, why))
            return False
        self.samples.setdefault(key, (unit, []))[1].append(value)
        self.by_round[number][key] = value
        return True


def parse(argv):
    p = argparse.ArgumentParser(description='Measures trapline, this machine\'s limits, and its peers.')
    p.add_argument('build', help='build tree with bench-programs in it')
    p.add_argument('--json', metavar='FILE', help='write every number here (BUILD/bench.json)')
    p.add_argument('--against', metavar='TRAPLINE', help='another trapline, measured in turn with that of BUILD')
    p.add_argument('--against-name', metavar='TEXT', default='old', help='what to call it')
    p.add_argument('--no-peers', action='store_true', help='no gdbserver, no QEMU')
    p.add_argument('--only', metavar='BLOCK,...', help='of ' + ' '.join(series.BLOCKS))
    p.add_argument('--cpu-time', action='store_true',
                   help='one-core rows in CPU time of both sides: for a machine that is busy with other things')
    p.add_argument('--markdown', action='store_true', help='the table as README.md has it')
    p.add_argument('--rounds', type=int, default=ROUNDS, help='measurements of each number (%(default)d)')
    p.add_argument('--seconds', type=float, default=SECONDS, help='of one measurement (%(default)g)')
    args = p.parse_args(argv)
    args.blocks = args.only.split(',') if args.only else list(series.BLOCKS)
    wrong = [b for b in args.blocks if b not in series.BLOCKS]
    if wrong or args.rounds < 1:
        p.error('no such block: ' + ' '.join(wrong) if wrong else 'at least one round')
    return args


def show(bench, head, args):
    out = sys.stdout
    if args.against:
        report.print_comparison(bench.samples, ('this tree', args.against_name), out)
        found = []
    else:
        found = report.evaluate(bench.by_round)
        print('THIS MACHINE: %(cpu)s, %(cpus)d CPUs, Linux %(kernel)s, %(kvm modules)s, load %(load)s' % head, file=out)
        print('LIMITS', file=out)
        report.print_series(bench.samples, ('raw.', 'null.', 'minimal.'), out)
        how = ' (one-core rows: CPU time of both sides)' if args.cpu_time else ''
        print('Times in microseconds%s, medians of %d.\n' % (how, args.rounds), file=out)
        if args.markdown:
            report.print_markdown(found, head, args.rounds, how, out)
        else:
            report.print_table(found, out)
        report.print_summary(found, out)
    for note in bench.notes:
        print('note: ' + note, file=out)
    path = args.json or os.path.join(bench.build, 'bench.json')
    report.write_json(path, head, bench.samples, found, bench.notes)
    print('every number: ' + path, file=out)


def main(argv):
    args = parse(argv)
    if not os.access('/dev/kvm', os.R_OK | os.W_OK):
        print('bench: /dev/kvm is missing or not usable; see `trapline doctor`', file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    bench = Bench(args)
    head = report.machine(os.path.dirname(os.path.abspath(__file__)), peers.versions())
    try:
        bench.record()
        if bench.recording.packets_per_stepi:
            bench.note('GDB sends trapline %.1f packets a stepi' % bench.recording.packets_per_stepi)
        for name in args.blocks:
            bench.measure(name)
        bench.scratch.end_all()
        show(bench, head, args)
    except procs.Unavailable as why:
        print('bench: %s' % why, file=sys.stderr)
        return 1
    finally:
        bench.scratch.close()
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
