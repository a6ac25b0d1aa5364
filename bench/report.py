"""Medians, the table, JSON."""

import json
import os
import platform
import statistics
import subprocess

import rows


def median(numbers):
    numbers = [n for n in numbers if n is not None]
    return statistics.median(numbers) if numbers else None


def text_of(number):
    if number is None:
        return '-'
    if abs(number) >= 10000:
        return '%.0f' % number if abs(number) < 1e6 else '%.3g' % number
    return '%.1f' % number if abs(number) >= 10 else '%.2f' % number


class Evaluated:
    """A row with numbers in it. rounds: {round: {key: value}}"""

    def __init__(self, section, row, rounds):
        self.section, self.row = section, row
        self.value = median([row.number(row.value, v) for v in rounds])
        self.limit = median([row.number(row.limit, v) for v in rounds]) if row.limit else None
        self.ratio = median([row.ratio(v) for v in rounds]) if row.limit else None
        self.met = row.met(self.ratio)
        self.peers = []
        for name, key in row.peers:
            value = median([v.get(key) for v in rounds])
            ratio = median([v[key] / row.number(row.value, v) for v in rounds
                            if key in v and row.number(row.value, v)])
            if value is not None:
                self.peers.append((name, value, ratio))

    def cells(self):
        row = self.row
        goal = '' if row.goal is None else '%s %.2f' % (row.direction, row.goal)
        met = {None: '', True: 'met', False: 'NOT MET'}[self.met]
        peers = ', '.join('%s %s (%.2gx)' % (n, text_of(v), r) for n, v, r in self.peers)
        return [row.title, text_of(self.value), text_of(self.limit) if row.limit else '', row.of,
                '' if self.ratio is None else '%.2f' % self.ratio, goal, met, peers]

    def as_json(self):
        return {'section': self.section, 'title': self.row.title, 'value': self.value, 'limit': self.limit,
                'of': self.row.of, 'ratio': self.ratio, 'goal': self.row.goal, 'direction': self.row.direction,
                'met': self.met, 'peers': [{'name': n, 'value': v, 'ratio': r} for n, v, r in self.peers]}


def evaluate(rounds):
    found = []
    for section, make in rows.TABLE:
        found += [e for e in (Evaluated(section, row, rounds) for row in make()) if e.value is not None]
    return found


def print_cells(lines, out):
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        cells = [c.rjust(w) if i in (1, 2, 4) else c.ljust(w) for i, (c, w) in enumerate(zip(line, widths))]
        print('  '.join(cells).rstrip(), file=out)


def print_series(samples, prefix, out):
    lines = [['', 'median', 'least', '', '', '']]
    for key, (unit, values) in sorted(samples.items()):
        if key.startswith(prefix):
            lines.append([key, text_of(median(values)), text_of(min(values)), unit, '', ''])
    if len(lines) > 1:
        print_cells(lines, out)


def print_table(found, out):
    head = ['', 'trapline', 'limit', 'which is', 'ratio', 'goal', '', 'peers (x of trapline)']
    lines = []
    for section in dict.fromkeys(e.section for e in found):
        lines.append([section.upper()] + [''] * 7)
        lines += [e.cells() for e in found if e.section == section]
    print_cells([head] + lines, out)


def print_markdown(found, head, rounds, how, out):
    """The table for a README: a section each, peers in a column of their own."""
    print('Measured by `make bench` on %(cpu)s, %(cpus)d CPUs, Linux %(kernel)s, %(kvm modules)s, load %(load)s,'
          % head, file=out)
    print('revision %s. Times in microseconds%s, medians of %d rounds.' % (head['revision'], how, rounds), file=out)
    for section in dict.fromkeys(e.section for e in found):
        lines = [e.cells() for e in found if e.section == section]
        print('\n| %s | trapline | limit | which is | ratio | goal | | peers (x of trapline) |' % section, file=out)
        print('|---|--:|--:|---|--:|---|---|---|', file=out)
        for cells in lines:
            print('| %s |' % ' | '.join(c.replace('|', '\\|') for c in cells), file=out)
    print(file=out)


def print_summary(found, out):
    goals = [e for e in found if e.met is not None]
    met = sum(1 for e in goals if e.met)
    print('%d of %d goals met' % (met, len(goals)), file=out)


def print_comparison(samples, names, out):
    """tl.* against old.*: both medians and the median of the ratios of each round."""
    lines = [['', names[1], names[0], 'unit', 'ratio', 'better by']]
    for key, (unit, values) in sorted(samples.items()):
        if not key.startswith('tl.') or 'old' + key[2:] not in samples:
            continue
        old = samples['old' + key[2:]][1]
        ratio = median([n / o for n, o in zip(values, old) if o])
        rate = unit.endswith('/s') and unit != 'us/s'
        gain = 0 if not ratio else (ratio - 1 if rate else 1 / ratio - 1)
        lines.append([key[3:], text_of(median(old)), text_of(median(values)), unit,
                      '-' if ratio is None else '%.3f' % ratio, '%+.0f%%' % (100 * gain)])
    print_cells(lines, out)


def _first_line(command, folder):
    try:
        out = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=True).stdout.splitlines()
        return out[0] if out else ''
    except (OSError, subprocess.CalledProcessError):
        return '?'


def machine(source, versions):
    cpu = '?'
    with open('/proc/cpuinfo', encoding='utf-8') as f:
        for line in f:
            if line.startswith('model name'):
                cpu = line.split(':', 1)[1].strip()
                break
    modules = os.listdir('/sys/module') if os.path.isdir('/sys/module') else []
    kvm = ' '.join(sorted(name for name in modules if name.startswith('kvm')))
    return {'cpu': cpu, 'cpus': len(os.sched_getaffinity(0)), 'kernel': platform.release(),
            'kvm modules': kvm or 'kvm ?', 'load': '%.1f %.1f %.1f' % os.getloadavg(),
            'revision': _first_line(['git', 'describe', '--always', '--dirty'], source), 'versions': versions}


def write_json(path, head, samples, found, notes):
    data = {'machine': head, 'notes': notes, 'rows': [e.as_json() for e in found],
            'series': {k: {'unit': u, 'median': median(v), 'samples': v} for k, (u, v) in sorted(samples.items())}}
    with open(path, 'w', encoding='utf-8') as f:
        json.dump(data, f, indent=1)
        f.write('\n')
