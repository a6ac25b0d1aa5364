"""Guests that run to their end: output, input, status, reports, cores, and files that are no kernels."""

import os
import shutil
import struct
import subprocess

from rig import Client, Skip, check, finish, one_line, port_of


def test_output_and_status(box):
    box.need_kvm()
    said = box.run('run', box.guest('hello'))
    check((said.status, said.out, said.err) == (0, 'hello from the guest\nand goodbye\n', ''), said, 'not hello')
    said = box.run('run', box.guest('args'), '-a', 'one two', '--', 'three', '-m', '--gdb')
    check(said.status == 5 and said.out.endswith('[one]\n[two]\n[three]\n[-m]\n[--gdb]\n'), said, 'not the arguments')


def test_memory_and_cpus(box):
    box.need_kvm()
    small = box.run('run', '-m', '32M', box.guest('args'))
    large = box.run('run', '-m', '5G', '-c', '4', box.guest('args'))
    check(small.status == 0 and small.out.count('memory ') == 1 and '2000000' in small.out, small, 'not 32 MiB')
    check(large.status == 0 and large.out.count('memory ') == 2, large, 'not RAM on both sides of the hole')


def test_input_from_a_pipe(box):
    box.need_kvm()
    # With interrupts on, this guest keeps no more than 64 bytes that it has not yet given back.
    text = 'abc' * 2000 + 'i' + 'abc' * 15 + 'pq'
    said = box.run('run', box.guest('echo'), stdin=text)
    check(said.status == 0 and said.out == 'ready\n' + text, said, 'bytes were lost or changed')


def test_output_to_a_reader_that_leaves(box):
    box.need_kvm()
    child = box.start('run', box.guest('hello'))
    child.stdout.close()
    child.stdout = None
    assert finish(child).status == 0


def test_report_of_a_death(box):
    box.need_kvm()
    said = box.run('run', box.guest('triple'))
    check(said.status == 1 and said.out == 'dying\n', said, 'not a death')
    for part in ('rax ', 'cr3 ', 'efer ', 'tr  ', 'code ', '<0f> 0b', '#0  0x', ' in _start+'):
        check(part in said.err, said, "no '%s'" % part)
    check(said.err.startswith('trapline: the guest died on cpu 0: triple fault'), said, 'no first line')
    said = box.run('run', '-q', box.guest('triple'))
    one_line(type(said)(said.status, '', said.err), 1, 'the guest died')


def test_core(box):
    box.need_kvm()
    core = box.path('core')
    said = box.run('run', '--core', core, box.guest('triple'))
    check(said.status == 1, said, 'not a death')
    check('core written: gdb %s %s\n' % (box.guest('triple'), core) in said.err, said, 'not told')
    check(os.stat(core).st_mode & 0o777 == 0o600, said, 'not private')
    check(not os.path.exists(core + '.tmp'), said, 'a half file')
    check(os.stat(core).st_blocks * 512 < 4 << 20, said, 'not sparse')
    if not shutil.which('gdb'):
        raise Skip('gdb is not installed')
    done = subprocess.run(['gdb', '-q', '-nx', '-batch', '-ex', 'bt', '-ex', 'x/i $pc', box.guest('triple'), core],
                          capture_output=True, text=True, check=False)
    for part in ('terminated with signal SIGSEGV', 'guest_main', 'in _start', 'ud2'):
        assert part in done.stdout, done.stdout + done.stderr


def test_core_that_cannot_be_written(box):
    box.need_kvm()
    said = box.run('run', '-q', '--core', box.path('no/such/core'), box.guest('triple'))
    check(said.status == 1 and 'cannot write core file' in said.err and 'No such file' in said.err, said, 'not told')
    said = box.run('run', '--core', box.path('core'), box.guest('hello'))
    check(said.status == 0 and not os.path.exists(box.path('core')), said, 'a core without a death')


def test_reset(box):
    box.need_kvm()
    said = box.run('run', box.guest('reset'), stdin='kq')
    check(said.status == 0 and said.out.count('boot') == 2, said, 'did not start again')
    said = box.run('run', '--no-reboot', box.guest('reset'), stdin='kq')
    check(said.status == 0 and said.out.count('boot') == 1, said, 'did not end')


def patched(box, name, offset, form, value):
    with open(box.guest('hello'), 'rb') as f:
        image = bytearray(f.read())
    struct.pack_into(form, image, offset, value)
    return box.file(name, bytes(image))


def test_files_that_are_no_kernels(box):
    box.need_kvm()
    with open(box.guest('hello'), 'rb') as f:
        image = f.read()
    rows = [
        (box.path('missing'), 'No such file'),
        (box.folder, box.folder),
        (box.file('empty'), 'empty'),
        (box.file('text', b'#!/bin/sh\n' * 20), 'text'),
        (box.file('short', image[:100]), 'short'),
        (patched(box, 'arm', 18, '<H', 183), 'arm'),
        (patched(box, '32bit', 4, 'B', 1), '32bit'),
        (patched(box, 'lying', 56, '<H', 0xffff), 'lying'),
    ]
    for path, part in rows:
        one_line(box.run('run', path), 1, part)


def test_a_kernel_larger_than_memory(box):
    box.need_kvm()
    one_line(box.run('run', '-m', '1M', box.guest('hello')), 1, 'memory')


def test_no_kvm(box):
    """As a user that may not open the device, where we can become one."""
    if os.getuid() != 0 or not os.path.exists('/dev/kvm') or os.stat('/dev/kvm').st_mode & 0o006:
        raise Skip('needs root and a /dev/kvm that is not for everybody')
    os.chmod(box.folder, 0o755)
    program = shutil.copy(box.trapline, box.path('trapline'))
    kernel = shutil.copy(box.guest('hello'), box.path('hello.elf'))
    done = subprocess.run([program, 'run', kernel], capture_output=True, text=True, check=False, user=65534, group=65534,
                          extra_groups=[], cwd='/')
    assert done.returncode == 1 and done.stdout == '' and done.stderr.count('\n') == 1, done
    assert '/dev/kvm' in done.stderr and 'kvm' in done.stderr, done.stderr
    done = subprocess.run([program, 'doctor'], capture_output=True, text=True, check=False, user=65534, group=65534,
                          extra_groups=[], cwd='/')
    assert done.returncode == 1 and 'usable by this user       no' in done.stdout, done


def in_gdb(*args):
    done = subprocess.run(['gdb', '-q', '-nx', '-batch', *args], capture_output=True, text=True, check=False, timeout=30)
    return done.stdout + done.stderr


def test_core_on_request(box):
    """A core of a guest that is only stopped, of every kind and of two CPUs: without the debugger's breakpoint."""
    box.need_kvm()
    if not shutil.which('gdb'):
        raise Skip('gdb is not installed')
    wide = ['-ex', 'set architecture i386:x86-64']
    core = box.path('core')
    kinds = [(os.path.join('boot', name), 'guest_main32', wide) for name in ('plain32', 'pvh', 'multiboot1', 'multiboot2')]
    for name, function, before in kinds + [('hello', 'guest_main', [])]:
        path = box.path('gdb.sock')
        child = box.start('run', '-c', '2', '--gdb=unix:' + path, '--core', core, box.guest(name))
        port_of(child)
        said = in_gdb(*before, '-ex', 'file ' + box.guest(name), '-ex', 'target remote ' + path, '-ex',
                      'break ' + function, '-ex', 'continue', '-ex', 'monitor core', '-ex', 'x/2xb $pc', '-ex', 'kill')
        assert 'core written: ' + core in said, said
        live = [line for line in said.splitlines() if '<%s' % function in line][-1]
        finish(child)
        said = in_gdb(*before, '-ex', 'file ' + box.guest(name), '-ex', 'core ' + core, '-ex', 'bt', '-ex',
                      'info threads', '-ex', 'x/2xb $pc')
        for part in ('#0  ', ' %s (' % function, '* 1    LWP 1', '  2    LWP 2', 'signal SIGTRAP', live):
            assert part in said, '%s: no %s in\n%s' % (name, part, said)
        os.unlink(core)


def test_core_of_nothing(box):
    box.need_kvm()
    child = box.start('run', '--gdb=:0', box.guest('hello'))
    client = Client(port_of(child))
    assert bytes.fromhex(client.ask('qRcmd,' + b'core'.hex())).startswith(b'no core: trapline was not given --core')
    client.send('k')
    finish(child)
    client.close()
