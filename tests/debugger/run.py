#!/usr/bin/env python3
"""Plays one debugger scenario on trapline and judges the transcript.

usage: run.py --debugger gdb|lldb [--program NAME] --trapline PROGRAM --guest ELF [--keep] SCENARIO

Exit status: 0 passed, 1 failed, 77 skipped with the reason on the last line.
"""

import argparse
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import dialect  # noqa: E402
import scenario  # noqa: E402

LIMIT = 60    # seconds for one debugger session; a healthy one takes less than two
LINGER = 10   # seconds that trapline has to end by itself after the last one
SKIP = 77
GDB_OPTIONS = {'unix': '--gdb=unix:gdb.sock', 'tcp': '--gdb=:0', 'stdio': '',
               'attach': '--gdb-attach=unix:gdb.sock', 'attach-tcp': '--gdb-attach=:0'}


def load(name):
    path = os.path.join(HERE, 'scenarios', name + '.py')
    spec = importlib.util.spec_from_file_location('scenario_' + name.replace('-', '_'), path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def marker(session, step):
    return '@@ %d.%d' % (session, step)


def render(play, folder):
    """Writes 1.in, 2.in ...: each step's commands behind its marker."""
    words = play.dialect
    for number, steps in enumerate(play.sessions, 1):
        lines = list(words.preamble)
        for index, step in enumerate(steps):
            lines += [words.marker(marker(number, index))] + step.commands
        lines.append(words.marker(marker(number, len(steps))))
        with open(os.path.join(folder, '%d.in' % number), 'w', encoding='utf-8') as f:
            f.write('\n'.join(lines) + '\n')


def write_env(args, module, play, folder):
    """What session.sh is to run; stdio: the debugger itself starts trapline."""
    which = getattr(module, 'GUEST', '')
    kernel = args.smp_guest if which == 'smp' else args.guest + {'pie': '_pie'}.get(which, '')
    settings = {'DEBUGGER': args.debugger, 'PROGRAM': getattr(args, 'program', None) or args.debugger, 'TRAPLINE': args.trapline, 'KERNEL': kernel,
                'SYMBOLS': kernel if getattr(module, 'SYMBOLS', True) else '',
                'MODE': getattr(module, 'MODE', 'calls'), 'OPTIONS': getattr(module, 'OPTIONS', ''),
                'GDB_OPTION': GDB_OPTIONS[getattr(module, 'GDB', 'unix')],
                'LIMIT': str(play.limit), 'LINGER': str(LINGER)}
    with open(os.path.join(folder, 'env'), 'w', encoding='utf-8') as f:
        for name, value in settings.items():
            f.write('%s=%s\n' % (name, shlex.quote(value)))


def read(folder, name):
    try:
        with open(os.path.join(folder, name), encoding='utf-8', errors='replace') as f:
            return f.read()
    except OSError:
        return ''


def pieces(transcript):
    """{marker: the text up to the next marker}"""
    parts = re.split(r'^.*?(@@ \d+\.\d+)[ ]*$', transcript, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def judge(play, folder, lacks):
    """What is wrong with what session.sh left behind, as a list of texts."""
    faults = []
    statuses = dict(re.findall(r'^(session \d+|trapline) (\S+)$', read(folder, 'status'), re.M))
    for number, steps in enumerate(play.sessions, 1):
        said = pieces(read(folder, '%d.out' % number))
        for index, step in enumerate(steps):
            output = said.get(marker(number, index))
            if output is None:
                faults.append('session %d, step %d "%s": never reached' % (number, index, step.title))
                break
            output = play.dialect.readable(output)
            wrong = step.judge(output, lacks)
            if wrong:
                faults.append('session %d, step %d "%s": %s in\n%s' % (number, index, step.title, wrong,
                                                                      indent(output)))
        wanted, got = play.session_status[number - 1], statuses.get('session %d' % number, 'not played')
        if wanted is not None and got != str(wanted):
            why = ' (its time limit)' if got == '124' else ''
            faults.append('session %d: %s ended with %s%s, not %s' % (number, play.dialect.name, got, why, wanted))
    if play.ends_with is not None and statuses.get('trapline', '?') != str(play.ends_with):
        faults.append('trapline ended with %s, not %s' % (statuses.get('trapline', '?'), play.ends_with))
    for pattern in play.guest_says:
        if not re.search(pattern, read(folder, 'guest.out')):
            faults.append('the guest did not print /%s/ but\n%s' % (pattern, indent(read(folder, 'guest.out'))))
    return faults


def indent(text):
    return ''.join('    | %s\n' % line for line in text.strip().splitlines())


def lacking(folder):
    """What the KVM that the scenario ran on has not, by `trapline doctor --json` there: names of its rows."""
    try:
        rows = json.loads(read(folder, 'doctor.json'))
    except ValueError:
        return set()
    lacks = {name for name, row in rows.items() if isinstance(row, dict) and not row.get('ok')}
    # Watched pages are a means for all kinds of watchpoints.
    return lacks if 'watched_pages' in lacks else lacks - {'watchpoints'}


def show_logs(folder):
    """The last lines of everything, without what a log should not hold; of packets without their XML."""
    for name in sorted(os.listdir(folder)):
        if name.endswith(('.out', '.err', '.log', 'status')) and os.path.getsize(os.path.join(folder, name)):
            lines = [line[:200] for line in re.sub(r'[^\n -~]', '.', read(folder, name)).splitlines()]
            if name == 'packets.log':
                lines = [line for line in lines if line.startswith(('-> ', '<- '))]
            print('---- %s%s' % (name, ' (its last 80 lines)' if len(lines) > 80 else ''))
            print('\n'.join(lines[-80:]))


def prepare(args, name, folder):
    """Renders a scenario into folder, ready for session.sh; returns what is needed to judge it."""
    module = load(name)
    play = scenario.Play(dialect.DIALECTS[args.debugger](), getattr(args, 'lane', 'host'))
    play.limit = getattr(module, 'LIMIT', LIMIT)
    module.play(play)
    render(play, folder)
    write_env(args, module, play, folder)
    return play


def report(args, name, play, folder):
    """Judges what session.sh left in folder and prints what is wrong; True when nothing is."""
    faults = judge(play, folder, lacking(folder))
    for fault in faults:
        print('FAILED %s under %s: %s' % (name, args.debugger, fault))
    if faults:
        show_logs(folder)
    return not faults


def find_program(name):
    """The path of a debugger; newest-lldb is what tools/newest-lldb has unpacked."""
    if name == 'newest-lldb':
        cache = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
        name = os.path.join(cache, 'trapline', name, 'lldb')
    return shutil.which(name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--debugger', choices=sorted(dialect.DIALECTS), required=True)
    parser.add_argument('--program', help='another program that speaks its language: gdb-multiarch, newest-lldb')
    parser.add_argument('--trapline', required=True)
    parser.add_argument('--guest', required=True)
    parser.add_argument('--smp-guest', help='a guest that starts a second processor')
    parser.add_argument('--keep', action='store_true', help='leave the folder of the run and print its name')
    parser.add_argument('scenario')
    args = parser.parse_args()
    args.trapline, args.guest = os.path.abspath(args.trapline), os.path.abspath(args.guest)
    args.smp_guest = os.path.abspath(args.smp_guest) if args.smp_guest else None

    if not os.access('/dev/kvm', os.R_OK | os.W_OK):
        print('no usable /dev/kvm')
        return SKIP
    wanted, args.program = args.program or args.debugger, find_program(args.program or args.debugger)
    if not args.program:
        print('%s is not installed' % wanted)
        return SKIP

    folder = tempfile.mkdtemp(prefix='scenario-')
    try:
        play = prepare(args, args.scenario, folder)
        limit = play.limit * (len(play.sessions) + 1) + LINGER
        subprocess.run(['sh', os.path.join(HERE, 'session.sh'), folder], check=False, timeout=limit)
        return 0 if report(args, args.scenario, play, folder) else 1
    finally:
        if args.keep:
            print('kept: ' + folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main())
