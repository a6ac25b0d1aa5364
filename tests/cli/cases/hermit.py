"""Hermit images: every loader form, every hypercall, files and paths that climb, archives, exit codes."""

import gzip
import io
import os
import shutil
import signal
import struct
import tarfile

from rig import Client, Skip, check, finish, one_line, port_of

FORMS = ['hermit1_exec', 'hermit1_pie', 'hermit1_tag', 'hermit2', 'hermit3']
OLD_MOUNT = os.path.join('/', 'root', 'data')
INTERFACES = ['hermit1_exec', 'hermit2', 'hermit3']


def image(box, name):
    return os.path.join(box.guests, 'hermit', name + '.elf')


def job(box, name, *args, **options):
    """Runs a guest's job; its output without the command line that kernels with a device tree show first."""
    box.need_kvm()
    said = box.run('run', *args[:-1], image(box, name), '--', args[-1], **options)
    said.out = ''.join(line for line in said.out.splitlines(True) if not line.startswith('bootargs '))
    return said


def host_files(box):
    """A folder to be mapped, with links that lead out of it; a file beside it."""
    os.makedirs(box.path('data/dir'), exist_ok=True)
    box.file('data/hello', b'hello from the host\n')
    box.file('data/gone')
    box.file('data/dir/f')
    box.file('one', b'one\n')
    box.file('outside', b'secret\n')
    box.file('secret', b'secret\n')
    for name, target in (('link', 'hello'), ('absolute', '/etc/passwd'), ('up', '..'), ('out', '../')):
        if not os.path.lexists(box.path('data/' + name)):
            os.symlink(target, box.path('data/' + name))
    if not os.path.exists(box.path('data/fifo')):
        os.mkfifo(box.path('data/fifo'))
    if os.path.exists(box.path('data/new')):
        os.unlink(box.path('data/new'))
    return ['--map', box.path('data') + ':/data', '--file-mapping', box.path('one') + ':/one:ro']


def values(said):
    """name -> what was printed behind it; of several, the first."""
    found = {}
    for line in said.out.splitlines():
        name, _, value = line.rpartition(' ')
        found.setdefault(name, value)
    return found


def expect(said, wanted):
    found = values(said)
    for name, value in wanted.items():
        check(found.get(name) == str(value), said, '%s is %s, not %s' % (name, found.get(name), value))


def test_every_form_boots(box):
    box.need_kvm()
    for name in FORMS:
        for more in ([], ['--no-aslr'], ['-m', '512M']):
            said = box.run('run', *more, image(box, name), '--', 'a', 'b c')
            check(said.status == 5 and said.err == '' and said.out.endswith('arg [a]\narg [b c]\n'), said, name)


def test_arguments_and_environment(box):
    box.need_kvm()
    said = box.run('run', '--env', 'A=1', '-e', 'B=x y', '--env-vars', 'A=2', '-a', '-ip 1', image(box, 'hermit1_pie'), '--',
                   'one', 'two three')
    check(said.out == 'env [A=2]\nenv [B=x y]\narg [-ip]\narg [1]\narg [one]\narg [two three]\n', said, 'not those')
    said = box.run('run', '--env', 'A=1', '--env', "B=it's", '-a', '-ip 1', image(box, 'hermit3'), '--', 'one', 'two three')
    check(said.out.startswith("bootargs [-ip 1 env=A=1 env=B='it'\\''s' -- one 'two three']\n"), said, 'not those')
    said = box.run('run', image(box, 'hermit1_pie'), '--', 'kernel', '--', 'application')
    check(said.out == 'arg [kernel]\narg [application]\n', said, 'not those')
    env = dict(box.env, ONLY='here')
    said = box.run('run', '--env', 'host', image(box, 'hermit1_exec'), env={'ONLY': 'here', 'PATH': env['PATH']})
    check('env [ONLY=here]\n' in said.out, said, 'not the host\'s')
    one_line(box.run('run', '--env', 'A', image(box, 'hermit3')), 2, 'NAME=VALUE')
    one_line(box.run('run', '--env', 'A=' + 'x' * 9000, image(box, 'hermit3')), 1, 'longer than')


def test_exit_codes(box):
    for name in INTERFACES:
        check(job(box, name, 'minus').status == 253, name, 'not -3')
    said = job(box, 'hermit3', 'die')
    check(said.status == 1 and 'the guest died' in said.err and 'hermit_main' in said.err, said, 'no report')


def test_processors(box):
    for name in INTERFACES:
        said = job(box, name, '-c', '3', 'smp')
        check((said.status, said.out) == (0, 'processors 3\n'), said, name)


def test_files(box):
    maps = host_files(box)
    for name in INTERFACES:
        host_files(box)
        said = job(box, name, *maps, 'files')
        check(said.status == 0 and said.err == '', said, name)
        check('read 20\nhello from the host\nread 0\nlseek 6\nread 14\nfrom the host\n' in said.out, said, name)
        check('read 4\none\n' in said.out, said, name)
        expect(said, {
            'open': 3, 'create': 4, 'write': 21, 'lseek end': 21, 'close': 0, 'close again': -9, 'close 1': 0,
            'read closed': -9, 'exclusive': -17, 'no such': -2, 'unmapped': -2, 'folder and create': -22, 'read only': -30,
            'truncate read only': -30, 'unlink read only': -30, 'unlink': 0, 'unlink again': -2,
            'lseek -1': -1 if name == 'hermit1_exec' else -22})
        with open(box.path('data/new'), encoding='ascii') as f:
            assert f.read() == 'written by the guest\n'
        with open(box.path('one'), encoding='ascii') as f:
            assert f.read() == 'one\n'
        assert not os.path.exists(box.path('data/gone'))


def test_nothing_is_visible_by_default(box):
    host_files(box)
    for name in INTERFACES:
        expect(job(box, name, 'files'), {'open': -2, 'unmapped': -2, 'create': -2, 'unlink': -2})


def test_paths_that_climb(box):
    maps = host_files(box)
    for name in INTERFACES:
        said = job(box, name, *maps, 'climb')
        expect(said, {
            '/data/../outside': -2, '/../data/hello': -1, '/data/out/secret': -1, '/data/absolute': -1, '/data/up': -1,
            '/data/dir/../hello': 1, '/data/./hello': 1, '//data//hello': 1, '/data/link': 1, '/data/fifo': -1, '': -2,
            '/data/hello/x': -20, 'create above': -1, 'unlink above': -1})
    assert os.path.exists(box.path('secret')) and not os.path.exists(box.path('new'))


def test_read_only_folder(box):
    host_files(box)
    said = job(box, 'hermit3', '--map', box.path('data') + ':/data:ro', 'files')
    expect(said, {'open': 3, 'create': -30, 'unlink': -30})
    assert os.path.exists(box.path('data/gone')) and not os.path.exists(box.path('data/new'))


def test_old_kernels_leave_out_their_mount_point(box):
    host_files(box)
    said = job(box, 'hermit1_exec', '--map', box.path('data') + ':' + OLD_MOUNT, 'files')
    expect(said, {'open': 3, 'create': 4, 'unlink': 0})
    expect(job(box, 'hermit1_tag', '--map', box.path('data') + ':' + OLD_MOUNT, 'files'), {'open': -2})


def test_many_files(box):
    maps = host_files(box)
    for name in INTERFACES:
        expect(job(box, name, *maps, 'many'), {'open files': 256, 'then': -24})


def test_folders_and_attributes(box):
    said = job(box, 'hermit3', *host_files(box), 'folders')
    check(said.out.count('\n mode 33188\n size 20\n') == 3 or said.out.count(' size 20\n') == 3, said, 'not the file')
    expect(said, {
        'stat': 1, 'stat link': 1, 'lstat link': 1, 'stat folder': 1, 'stat out': -1, 'stat none': -2, 'stat kind': -22,
        'stat nowhere': -14, 'fstat': 1, 'fstat 0': -9, 'mkdir': 1, 'mkdir again': -17, 'mkdir unmapped': -2,
        '/data/dir': 1, ' entry f type': 8, ' entry . type': 4, 'end of entries': 0, 'getdents of a file': -20})
    assert os.path.isdir(box.path('data/made'))


def test_bad_pointers(box):
    maps = host_files(box)
    for name in INTERFACES:
        said = job(box, name, *maps, '--stats', 'bad')
        check(said.status == 0 and said.out.endswith('still here\n'), said, name)
        expect(said, {
            'path outside': -14, 'path far': -14, 'read outside': -14, 'read wraps': -14, 'read huge': 1, 'read nothing': 0,
            'bad fd': -9, 'negative fd': -9})
        check('(bad pointer)' in said.err, said, 'not counted')
        if name != 'hermit1_exec':
            expect(said, {'write outside': -14, 'write wraps': -14, 'write to a reader': -9, 'write closed': -9})


def test_input(box):
    for name in INTERFACES:
        said = job(box, name, 'input', stdin='one\ntwo and more than sixteen\n')
        check(said.out == 'one\ntwo and more than sixteen\nend 0\n', said, name)


def test_a_signal_while_it_waits_for_input(box):
    box.need_kvm()
    keep_open, stdin = os.pipe()
    child = box.start('run', image(box, 'hermit1_exec'), '--', 'input', stdin=keep_open)
    os.write(stdin, b'a')
    assert child.stdout.read(1) == 'a'
    child.send_signal(signal.SIGTERM)
    said = finish(child)
    os.close(keep_open)
    os.close(stdin)
    check(said.status == -signal.SIGTERM, said, 'did not die of the signal')


def test_a_stop_while_it_waits_for_input(box):
    box.need_kvm()
    keep_open, stdin = os.pipe()
    child = box.start('run', '--gdb-attach=:0', image(box, 'hermit1_exec'), '--', 'input', stdin=keep_open)
    client = Client(port_of(child))
    check(client.ask('?')[0] in 'ST', 'stop', 'no stop')
    client.send('k')
    said = finish(child)
    os.close(keep_open)
    os.close(stdin)
    check(said.status == 137, said, 'not killed')


def test_output(box):
    box.need_kvm()
    said = box.run('run', '--output', box.path('out'), image(box, 'hermit1_exec'), '--', 'x')
    check((said.status, said.out, said.err) == (5, '', ''), said, 'not in the file')
    with open(box.path('out'), encoding='ascii') as f:
        assert f.read() == 'arg [x]\n'
    one_line(box.run('run', '-o', box.path('out'), image(box, 'hermit1_exec')), 1, 'File exists')
    said = box.run('run', '-o', 'none', image(box, 'hermit1_exec'))
    check((said.status, said.out, said.err) == (5, '', ''), said, 'not silent')


def test_stats(box):
    said = job(box, 'hermit2', '-c', '2', '--stats', 'smp')
    for part in ('Run statistics:', 'VM exits:', 'cpu1', 'port I/O', 'SerialWriteByte (v2)', 'Exit (v2)', 'CPU runtimes:',
                 '  cpu 1: '):
        check(part in said.err, said, "no '%s'" % part)


def test_uhyves_names_and_variables(box):
    box.need_kvm()
    said = box.run('run', '--memory-size', '64M', '--cpu-count', '2', image(box, 'hermit1_exec'), '--', 'smp')
    check(said.out == 'processors 2\n', said, 'not two')
    env = dict(box.env, HERMIT_CPU_COUNT='2', HERMIT_MEMORY_SIZE='64M')
    said = box.run('run', image(box, 'hermit1_exec'), '--', 'smp', env=env)
    check(said.out == 'processors 2\n', said, 'not two')
    said = box.run('run', '-c', '1', image(box, 'hermit1_exec'), '--', 'smp', env=env)
    check(said.out == 'processors 1\n', said, 'the option does not go first')
    one_line(box.run('run', image(box, 'hermit1_exec'), env=dict(box.env, HERMIT_CPU_COUNT='x')), 2, 'HERMIT_CPU_COUNT')
    child = box.start('run', '-s', '0', image(box, 'hermit1_exec'))
    client = Client(port_of(child))
    check(client.ask('?')[0] in 'ST', 'stop', 'no stop')
    client.send('k')
    finish(child)


def test_gdb(box):
    box.need_kvm()
    if not shutil.which('gdb'):
        raise Skip('gdb is not installed')
    for name in INTERFACES:
        said = box.run('debug', '-e', 'break job_args', '-e', 'continue', '-e', 'backtrace', '-e', 'print args[arg_count - 1]',
                       '-e', 'continue', '-e', 'quit 7', image(box, name), '--', 'word')
        check(said.status == 7, said, "not the debugger's status")
        for part in ('Breakpoint 1, ', 'job_args ()', ' run (info=', ' hermit_main (info=0x', ' in _start ()', '"word"',
                     'arg [word]\n', 'exited with code 05]'):
            check(part in said.out, said, "%s: no '%s'" % (name, part))


def test_catch_hypercalls(box):
    box.need_kvm()
    if not shutil.which('gdb'):
        raise Skip('gdb is not installed')
    for name in INTERFACES:
        said = box.run('debug', '-e', 'monitor catch hypercall', '-e', 'continue', '-e', 'continue', '-e', 'monitor catch',
                       '-e', 'monitor uncatch all', '-e', 'continue', '-e', 'quit 7', image(box, name), '--', 'word')
        check(said.status == 7, said, "not the debugger's status")
        check(said.out.count('SIGTRAP') == 2, said, '%s: not two stops' % name)
        for part in ('catch 1: ', '2 hits', 'exited with code 05]'):
            check(part in said.out + said.err, said, "%s: no '%s'" % (name, part))


def test_random_places(box):
    box.need_kvm()
    said = [box.run('run', image(box, 'hermit1_pie'), '--', 'die').err for _ in range(4)]
    starts = {line for text in said for line in text.splitlines() if line.startswith('rip ')}
    assert len(starts) > 1, said
    said = [box.run('run', '--no-aslr', image(box, 'hermit1_pie'), '--', 'die').err for _ in range(2)]
    assert said[0].splitlines()[:6] == said[1].splitlines()[:6], said


def test_memory_that_cannot_be(box):
    box.need_kvm()
    one_line(box.run('run', '-m', '4G', image(box, 'hermit1_pie')), 1, '3072 MiB')
    one_line(box.run('run', '-m', '8M', image(box, 'hermit1_pie')), 1, '16 MiB')
    check(box.run('run', '-m', '4G', image(box, 'hermit3')).status == 5, 'hermit3', 'does not boot with 4 GiB')


def test_options_of_hermit_alone(box):
    box.need_kvm()
    one_line(box.run('run', '--map', '/:/', box.guest('hello')), 1, '--map', 'Hermit')
    one_line(box.run('run', '--env', 'A=1', box.guest('hello')), 1, '--env', 'Hermit')
    one_line(box.run('run', '--map', 'x', image(box, 'hermit3')), 1, 'HOST:GUEST')
    one_line(box.run('run', '--map', box.path('no/such/folder') + ':/a', image(box, 'hermit3')), 1, 'No such file')
    one_line(box.run('run', '-i', image(box, 'hermit3'), image(box, 'hermit3')), 1, 'no initrd')


def test_broken_images(box):
    box.need_kvm()
    with open(image(box, 'hermit3'), 'rb') as f:
        whole = f.read()
    at = whole.index(b'HERMIT\0') - 12
    version, interface = at + 12 + 8, whole.index(b'UHYVEIF\0') + 8
    phdr = struct.unpack_from('<Q', whole, 32)[0]

    def patched(name, offset, form, value):
        changed = bytearray(whole)
        struct.pack_into(form, changed, offset, value)
        return box.file(name, bytes(changed))

    rows = [
        (patched('version', version, 'B', 5), 'entry version 5'),
        (patched('no-version', at + 4, '<I', 0), '0 bytes instead of 1'),
        (patched('interface', interface, '>I', 9), 'interface version 9'),
        (box.file('short', whole[:5000]), 'cut short'),
        (patched('large', phdr + 40, '<Q', 1 << 40), 'segment 0'),
    ]
    for path, part in rows:
        one_line(box.run('run', '--no-aslr', path), 1, part)


def test_info(box):
    said = box.run('info', image(box, 'hermit3'))
    check(said.status == 0, said, 'no info')
    for part in ('Hermit, uhyve interface 3', 'position-independent', 'note      HERMIT type 0x5a00',
                 'hermit    entry version 3, interface 3, kernel 0.12.1', 'bias      0x100040000'):
        check(part in said.out, said, "no '%s'" % part)
    said = box.run('info', image(box, 'hermit1_exec'))
    check('hermit    entry version 4, interface 1, kernel before 0.10' in said.out, said, 'not that')


# ---- archives ----

TOML = """# what to run
version = "1"
kernel = "bin/kernel"
[input]
kernel_args = ["-freq", "1"]
app_args = [
    "args",  # two of them
    'of the archive',
]
env_vars = ["A=archive", "B=archive"]
[requirements]
memory = "32MiB"
cpus = 1
"""


def archive(box, name, toml, files=(), kernel='hermit3'):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode='w') as tar:
        with open(image(box, kernel), 'rb') as f:
            rows = [('hermit.toml', toml.encode()), ('bin/kernel', f.read())] + list(files)
        for path, content in rows:
            head = tarfile.TarInfo(path)
            head.size = len(content)
            tar.addfile(head, io.BytesIO(content))
    return box.file(name, gzip.compress(packed.getvalue()))


def test_archive(box):
    box.need_kvm()
    files = [('data/hello', b'hello from the host\n'), ('one', b'one\n'), ('x' * 90 + '/' + 'y' * 90, b'long')]
    packed = archive(box, 'image', TOML, files)
    said = box.run('run', packed)
    check(said.status == 5, said, 'did not run')
    check(said.out.startswith("bootargs [-freq 1 env=A=archive env=B=archive -- args 'of the archive']\n"), said, 'not those')
    said = box.run('run', '--env', 'A=mine', packed, '--', 'files')
    check("env=A=mine env=B=archive -- files]" in said.out, said, 'not those')
    expect(said, {'open': 3, 'read only': -30, 'unlink': -2, 'create': -2})
    check('read 20\nhello from the host\nread 0\nlseek 6\nread 14\n' in said.out and 'read 4\none\n' in said.out, said, 'files')
    said = box.run('info', packed)
    check(said.status == 0 and 'Hermit, uhyve interface 3' in said.out, said, 'no info')


def test_archive_under_a_debugger(box):
    box.need_kvm()
    child = box.start('run', '--gdb=:0', archive(box, 'image', TOML))
    client = Client(port_of(child))
    check(client.ask('?')[0] in 'ST', 'stop', 'no stop')
    client.send('c')
    reply = client.receive()
    while reply.startswith('O'):
        reply = client.receive()
    assert reply.startswith('W05'), reply
    finish(child)


def test_broken_archives(box):
    box.need_kvm()
    with open(archive(box, 'good', TOML), 'rb') as f:
        good = f.read()
    plain = gzip.decompress(good)
    rows = [
        (box.file('cut', good[:-2000]), 'cut short'),
        (box.file('damaged', good[:3000] + b'\0' * 100 + good[3100:]), 'broken archive'),
        (box.file('no-tar', gzip.compress(b'x' * 5000)), 'not a tar'),
        (box.file('sum', gzip.compress(plain[:10] + b'!' + plain[11:])), 'not a tar'),
        (box.file('none', gzip.compress(b'')), 'without hermit.toml'),
        (archive(box, 'kernel', TOML.replace('bin/kernel', 'bin/none')), "no kernel 'bin/none'"),
        (archive(box, 'version', TOML.replace('"1"', '"2"', 1)), "version '2'"),
        (archive(box, 'toml', TOML.replace('[input]', '[input')), 'line 4'),
        (archive(box, 'memory', TOML.replace('32MiB', '3GiB')), 'wants 3GiB'),
        (archive(box, 'cpus', TOML.replace('cpus = 1', 'cpus = 7')), 'wants 7 cpus'),
        (archive(box, 'climb', TOML, [('../../etc/passwd', b'x')]), 'leads out'),
        (archive(box, 'env', TOML.replace('"A=archive"', '"A"')), 'NAME=VALUE'),
    ]
    for path, part in rows:
        one_line(box.run('run', path), 1, part)


def test_archive_bomb(box):
    box.need_kvm()
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode='wb', compresslevel=9) as f:
        for _ in range(600):
            f.write(b'\0' * (1 << 20))
    one_line(box.run('run', box.file('bomb', packed.getvalue())), 1, 'unpacks to more than 512 MiB')
