#!/usr/bin/env python3
"""doc/packets.md against the packet table and the transcripts: every row of the table has a row in the
document with the right capability and a transcript that exercises it, and what is said to be answered empty
is in no row.

usage: packets.py RSP_RUN DOCUMENT FOLDER_OF_TRANSCRIPTS
"""

import os
import re
import subprocess
import sys


def output(*args):
    return subprocess.run(args, capture_output=True, text=True, check=True).stdout.splitlines()


def sections(text):
    """{heading: [cells of each table row]}"""
    rows = {}
    heading = ''
    for line in text.splitlines():
        if line.startswith('## '):
            heading = line[3:]
        elif line.startswith('|') and not line.startswith('|--'):
            cells = [cell.strip() for cell in re.split(r'(?<!\\)\|', line)[1:-1]]
            rows.setdefault(heading, []).append(cells)
    return {heading: found[1:] for heading, found in rows.items()}


def main():
    run, document, folder = sys.argv[1:]
    table = [line.split('\t') for line in output(run, '--table')]
    with open(document, encoding='utf-8') as file:
        found = sections(file.read())
    answered = {cells[0].strip('`'): cells for cells in found['Answered']}
    complaints = []
    rows_of = {}

    for name, feature, internal in table:
        if name not in answered:
            complaints.append('%s has no row' % name)
            continue
        _, what, client, needs, who, test = answered.pop(name)
        path = os.path.join(folder, test + '.test')
        if not what or not client:
            complaints.append('%s: an empty cell' % name)
        if needs != feature:
            complaints.append('%s needs %s, not %s' % (name, feature, needs))
        if who != ('librsp' if internal == '1' else 'caller'):
            complaints.append('%s: answered by %s?' % (name, who))
        if not os.path.exists(path):
            complaints.append('%s: there is no transcript %s' % (name, test))
            continue
        if test not in rows_of:
            rows_of[test] = set(output(run, '--rows', path))
        if name not in rows_of[test]:
            complaints.append('%s is not exercised by %s' % (name, test))
    complaints += ['%s is not in the table' % name for name in answered]

    names = {row[0] for row in table}
    with open(os.path.join(folder, 'unknown.test'), encoding='utf-8') as file:
        unknown = file.read()
    for cells in found['Answered empty']:
        name = cells[0].strip('`')
        if name in names or '$%s#??\n<- +$#00' % name not in unknown:
            complaints.append('%s: not shown to be answered empty' % name)
    for heading in ('Between packets', 'Errors', 'Stop replies'):
        for cells in found[heading]:
            for test in cells[-1].split(', '):
                if not os.path.exists(os.path.join(folder, test + '.test')):
                    complaints.append('%s: there is no transcript %s' % (heading, test))
    for complaint in complaints:
        print('packets.md: ' + complaint)
    return 1 if complaints else 0


if __name__ == '__main__':
    sys.exit(main())
