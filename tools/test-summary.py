#!/usr/bin/env python3
"""Sums up one or more `meson test` runs.

usage: test-summary.py [--out FILE] [--kvm DEVICE] BUILD_DIR...

Names what failed and what was skipped, each skip with its reason, and ends with the one line that CI reads:
N passed, N failed, N skipped.  That line is written to FILE as well.  Exit status 0 only when something
passed, nothing failed, every build directory has a log, and not every test that needs KVM was skipped.
"""

import argparse
import json
import os
import sys

# Suites whose tests need KVM.  A host without it skips them one by one; skipping all of them would let a
# broken stub pass.
KVM_SUITES = {'vm', 'guest', 'debugger', 'svm', 'vmx'}
NEEDLESS = 'without-kvm'  # tests of theirs that need none are in this suite too
LANES = {'svm', 'vmx'}


def suites_of(build):
    """Test name -> set of its suites, as Meson was told."""
    with open(os.path.join(build, 'meson-info', 'intro-tests.json'), encoding='utf-8') as f:
        tests = json.load(f)
    return {t['name']: {s.split(':')[-1] for s in t['suite']} for t in tests}


def reason_of(test):
    """The last line that a test printed: by our convention, why it was skipped."""
    text = (test.get('stdout') or '') + '\n' + (test.get('stderr') or '')
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else 'no reason given'


def read_run(build):
    """[(name, suites, outcome, reason)] of the last `meson test` in build; outcome: passed, failed, skipped."""
    suites = suites_of(build)
    rows = []
    with open(os.path.join(build, 'meson-logs', 'testlog.json'), encoding='utf-8') as f:
        for line in f:
            test = json.loads(line)
            name = test['name'].split(' / ')[-1]
            outcome = {'OK': 'passed', 'EXPECTEDFAIL': 'passed', 'SKIP': 'skipped'}.get(test['result'], 'failed')
            reason = reason_of(test) if outcome == 'skipped' else test['result'].lower()
            rows.append((name, suites.get(name, set()), outcome, reason))
    return rows


def judge(runs):
    """runs: [(build, rows or None)] -> (counts, [(name, why)] failures, [(name, why)] skips)"""
    counts = {'passed': 0, 'failed': 0, 'skipped': 0}
    failures, skips, kvm = [], [], []
    for build, rows in runs:
        if not rows:
            failures.append((build, 'no test log: it did not build, or no test ran'))
            continue
        for name, suites, outcome, reason in rows:
            if outcome != 'failed':
                counts[outcome] += 1
            if outcome == 'failed':
                failures.append((name, reason))
            elif outcome == 'skipped':
                skips.append((name, reason))
            if suites & KVM_SUITES and NEEDLESS not in suites:
                kvm.append(outcome)
    if kvm and set(kvm) == {'skipped'}:
        failures.append(('kvm', 'every one of the %d tests that need KVM was skipped' % len(kvm)))
    counts['failed'] = len(failures)
    return counts, failures, skips


def where_kvm_was(runs, device):
    """A line for a machine without KVM: what was shown all the same; else None."""
    if os.access(device, os.R_OK | os.W_OK):
        return None
    lanes = {lane for _, rows in runs for _, suites, outcome, _ in rows or () if outcome != 'skipped'
             for lane in suites & LANES}
    if lanes:
        return 'no usable %s here: what needs KVM ran in nested machines (%s)' % (device, ', '.join(sorted(lanes)))
    return 'no usable %s here, and nothing ran in a nested machine: `make test` uses them' % device


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out')
    parser.add_argument('--kvm', default='/dev/kvm')
    parser.add_argument('build', nargs='+')
    args = parser.parse_args()
    runs = []
    for build in args.build:
        try:
            runs.append((build, read_run(build)))
        except (OSError, ValueError):
            runs.append((build, None))
    counts, failures, skips = judge(runs)

    for title, rows in (('Skipped', skips), ('Failed', failures)):
        if rows:
            print(title + ':')
        for name, why in rows:
            print('  %s: %s' % (name, why))
    note = where_kvm_was(runs, args.kvm)
    if note:
        print(note)
    line = '%(passed)d passed, %(failed)d failed, %(skipped)d skipped' % counts
    print(line)
    if args.out:
        with open(args.out, 'w', encoding='utf-8') as f:
            f.write(line + '\n')
    return 0 if counts['passed'] and not failures else 1


if __name__ == '__main__':
    sys.exit(main())
