#!/usr/bin/env python3
"""Runs trapline as a user does, and judges what comes out: one group of cases per call.

usage: run.py --trapline PROGRAM --guests FOLDER GROUP

GROUP is one of the names in cases/: usage, boot, loaders, port, terminal, debug, sandbox, faults,
hostile, snapshot, net.
Exit status: 0 passed, 1 failed (each failure is told), 77 all cases skipped, with the reason on the last line.
"""

import argparse
import importlib.util
import os
import shutil
import sys
import tempfile
import traceback

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import rig  # noqa: E402


def load(group):
    spec = importlib.util.spec_from_file_location('cases_' + group, os.path.join(HERE, 'cases', group + '.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [getattr(module, name) for name in dir(module) if name.startswith('test_')]


def play(case, args):
    """True: passed, False: failed, a string: skipped and why."""
    folder = tempfile.mkdtemp(prefix='trapline-cli-')
    box = rig.Box(args.trapline, args.guests, folder)
    try:
        case(box)
        return True
    except rig.Skip as why:
        return str(why)
    except Exception:  # a time limit too
        traceback.print_exc()
        return False
    finally:
        box.end()
        shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--trapline', required=True)
    parser.add_argument('--guests', required=True)
    parser.add_argument('group')
    args = parser.parse_args()
    args.trapline = os.path.abspath(args.trapline)
    args.guests = os.path.abspath(args.guests)
    outcomes = {}
    for case in load(args.group):
        outcomes[case.__name__] = play(case, args)
        print(case.__name__, {True: 'ok', False: 'FAILED'}.get(outcomes[case.__name__], 'skipped'), flush=True)
    skipped = [why for why in outcomes.values() if isinstance(why, str)]
    if False in outcomes.values():
        return 1
    if len(skipped) == len(outcomes):
        print(skipped[0])
        return 77
    return 0


if __name__ == '__main__':
    sys.exit(main())
