"""The command line, as far as no machine is needed."""

import json
import re
import subprocess

from rig import check, one_line

WRONG = [
    ([], ['no command given', 'trapline help']),
    (['frob'], ["unknown command 'frob'"]),
    (['kernel.elf'], ["trapline run KERNEL"]),
    (['run'], ['no kernel given', 'trapline help run']),
    (['run', '--frob', 'k'], ["unknown option '--frob'"]),
    (['run', '-Z', 'k'], ["unknown option '-Z'"]),
    (['run', 'k', 'l'], ["'l'", "behind '--'"]),
    (['run', '-m'], ['-m needs a value']),
    (['run', '-m', '0', 'k'], ["memory size '0' is too small"]),
    (['run', '-m', 'x', 'k'], ["bad memory size 'x'"]),
    (['run', '-c', '0', 'k'], ['expected 1 to 64']),
    (['run', '--gdb=:70000', 'k'], ['out of range']),
    (['run', '--gdb=nonsense', 'k'], ['bad debugger address']),
    (['run', '--gdb', '--gdb-attach', 'k'], ['exclude each other']),
    (['debug', '--gdb', 'k'], ["unknown option '--gdb'"]),
    (['help', 'frob'], ["unknown command 'frob'"]),
]


def test_wrong_command_lines(box):
    for args, parts in WRONG:
        one_line(box.run(*args), 2, *parts)


def test_help_and_version(box):
    for args in (['help'], ['--help'], ['-h']):
        said = box.run(*args)
        check(said.status == 0 and said.err == '', said, 'not a success')
        check('trapline run' in said.out and 'trapline doctor' in said.out, said, 'not the overview')
    for args in (['help', 'run'], ['run', '--help'], ['run', '-h', '--nonsense']):
        said = box.run(*args)
        check(said.status == 0 and '--gdb[=ADDR]' in said.out, said, 'not the help of run')
    for args in (['version'], ['--version'], ['-V']):
        said = box.run(*args)
        check(said.status == 0 and re.fullmatch(r'trapline \d+\.\d+\.\d+\n', said.out), said, 'not a version')


def test_a_full_disk_is_told(box):
    with open('/dev/full', 'w', encoding='ascii') as full:
        done = subprocess.run(box.command(['help']), stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1 and re.fullmatch(r'trapline: cannot write[^\n]*\n', done.stderr), done


def test_doctor_says_the_same_twice(box):
    table, said = box.run('doctor'), box.run('doctor', '--json')
    values = json.loads(said.out)
    check(table.status == said.status == (0 if values['suffices'] else 1), said, 'wrong status')
    check(values['verdict'] in table.out, table, 'another verdict')
    for row in ('kvm_present', 'kvm_usable'):
        check(re.search(r'^%s +%s' % ({'kvm_present': 'KVM present', 'kvm_usable': 'usable by this user'}[row],
                                      values[row]['value']), table.out, re.M), table, 'another value: ' + row)
    check(table.err == said.err == '', table, 'something on standard error')


def test_doctor_is_quick(box):
    # The promise is 100 ms; the word of the probe itself, since a test must not time a busy machine.
    values = json.loads(box.run('doctor', '--json').out)
    if 'probe_time' in values:
        assert re.fullmatch(r'\d+ us', values['probe_time']['value']), values['probe_time']
