"""What is left of trapline's rights while a guest runs, seen from outside (inside: unit test cli-sandbox)."""

import ctypes
import os
import signal
import stat
import subprocess

from rig import LIMIT, Client, Skip, check, finish, one_line, port_of

LANDLOCK_CREATE_RULESET, SECCOMP, CLOSE_RANGE = 444, 317, 436  # asm/unistd_64.h
O_CLOEXEC = 0o2000000
CLONE_NEWNS = 0x20000
USER, GROUP = 54321, 54322  # nobody's


def statuses(pid):
    """{thread name: {field: value}} of /proc/PID/task."""
    found = {}
    for task in os.listdir('/proc/%d/task' % pid):
        with open('/proc/%d/task/%s/status' % (pid, task), encoding='ascii') as f:
            fields = dict(line.rstrip('\n').split(':\t', 1) for line in f if ':\t' in line)
        found[fields['Name'] + task] = fields
    return found


def descriptors(pid):
    """{number: (target, flags)}"""
    found = {}
    for name in os.listdir('/proc/%d/fd' % pid):
        with open('/proc/%d/fdinfo/%s' % (pid, name), encoding='ascii') as f:
            flags = next(int(line.split()[1], 8) for line in f if line.startswith('flags:'))
        found[int(name)] = (os.readlink('/proc/%d/fd/%s' % (pid, name)), flags)
    return found


def spinning(box, *options, **more):
    box.need_kvm()
    child = box.start('run', '--gdb-attach=:0', *options, box.guest('spin'), **more)
    return child, port_of(child)


def test_every_thread_is_confined(box):
    child, target = spinning(box, '--cpus', '2')
    client = Client(target)  # whoever attends it, main or a vcpu's thread
    assert client.ask('?').startswith('T05')
    # KVM's own worker shows up among our threads, and never runs our code.
    threads = {name: fields for name, fields in statuses(child.pid).items() if not name.startswith('kvm-')}
    assert len(threads) == 4, threads.keys()  # main, console, two vcpus
    for name, fields in threads.items():
        assert fields['Seccomp'] == '2' and fields['NoNewPrivs'] == '1', name
    client.close()
    child.terminate()
    assert finish(child).status == -signal.SIGTERM


def test_descriptors(box):
    foreign = os.open('/dev/null', os.O_RDONLY)
    high = os.dup2(foreign, 300)
    child, target = spinning(box, pass_fds=(foreign, high))
    client = Client(target)
    assert client.ask('?').startswith('T05')
    held = descriptors(child.pid)
    for number, (path, flags) in held.items():
        assert number < 3 or (path != '/dev/null' and flags & O_CLOEXEC), (number, path, oct(flags))
    assert high not in held
    os.close(foreign)
    os.close(high)
    client.close()
    child.terminate()
    finish(child)


def test_a_kernel_named_by_an_inherited_descriptor(box):
    box.need_kvm()
    with open(box.guest('hello'), 'rb') as f:
        said = box.run('run', '/dev/fd/%d' % f.fileno(), pass_fds=(f.fileno(),))
    check(said.status == 0 and said.out.startswith('hello'), said, 'not run')


def test_off_warns_and_is_off(box):
    box.need_kvm()
    child = box.start('run', '--sandbox=off', '--gdb-attach=:0', box.guest('spin'))
    assert 'sandbox is off' in child.stderr.readline()
    port_of(child)
    for name, fields in statuses(child.pid).items():
        assert fields['Seccomp'] == '0' and fields['NoNewPrivs'] == '0', name
    child.terminate()
    finish(child)


def test_a_bad_value(box):
    one_line(box.run('run', '--sandbox=maybe', 'kernel'), 2, '--sandbox', 'on or off')


def without(box, *numbers):
    return [os.path.join(os.path.dirname(box.trapline), 'tests/cli/without'), *map(str, numbers), '--', box.trapline]


def test_a_kernel_without_landlock(box):
    box.need_kvm()
    done = subprocess.run(without(box, LANDLOCK_CREATE_RULESET) + ['run', '-v', box.guest('hello')],
                          capture_output=True, text=True, timeout=LIMIT, check=False, env=box.env)
    assert done.returncode == 0 and done.stdout.startswith('hello'), done
    assert 'no Landlock: files are guarded by the system call filter alone' in done.stderr, done
    doctor = subprocess.run(without(box, LANDLOCK_CREATE_RULESET) + ['doctor'], capture_output=True, text=True,
                            timeout=LIMIT, check=False, env=box.env).stdout
    assert 'Landlock                  no ' in doctor, doctor


def test_a_kernel_without_filters(box):
    box.need_kvm()
    done = subprocess.run(without(box, SECCOMP) + ['run', box.guest('hello')], capture_output=True, text=True,
                          timeout=LIMIT, check=False, env=box.env)
    assert done.returncode == 1 and done.stdout == '', done
    assert done.stderr.count('\n') == 1 and '--sandbox=off' in done.stderr, done
    done = subprocess.run(without(box, SECCOMP) + ['run', '--sandbox=off', box.guest('hello')], capture_output=True,
                          text=True, timeout=LIMIT, check=False, env=box.env)
    assert done.returncode == 0 and done.stdout.startswith('hello'), done


def test_the_debugger_is_not_confined(box):
    box.need_kvm()
    said = box.file('said')
    script = box.file('debugger', b'#!/bin/sh\ngrep -E "Seccomp:|NoNewPrivs:" /proc/self/status > %s\n'
                      % said.encode())
    os.chmod(script, 0o700)
    done = box.run('debug', '--debugger', script, box.guest('spin'))
    check(done.status == 0, done, 'the debugger failed')
    with open(said, encoding='ascii') as f:
        assert f.read().split() == ['NoNewPrivs:', '0', 'Seccomp:', '0']


def test_a_core_of_the_guest_but_none_of_us(box):
    """The guest's core arrives from inside the sandbox; ours is forbidden, so that no guest memory leaks by it."""
    box.need_kvm()
    os.mkdir(box.path('cores'))
    said = box.run('run', '-q', '--core', box.path('cores/core'), box.guest('triple'))
    check(said.status == 1 and 'core written' not in said.err, said, 'not a death')
    assert os.listdir(box.path('cores')) == ['core']
    assert stat.S_IMODE(os.stat(box.path('cores/core')).st_mode) == 0o600
    child, _ = spinning(box, cwd=box.path('cores'))
    child.send_signal(signal.SIGSEGV)
    assert finish(child).status == -signal.SIGSEGV
    assert os.listdir(box.path('cores')) == ['core']


def private_kvm(libc, folder):
    """In a mount namespace of our own /dev/kvm belongs to GROUP, as a distribution's udev rules have it."""
    device = os.stat('/dev/kvm').st_rdev
    if libc.unshare(CLONE_NEWNS) < 0 or libc.mount(b'none', b'/', None, 1 << 18 | 1 << 14, None) < 0:  # private
        os._exit(100)
    if libc.mount(b'tmpfs', folder.encode(), b'tmpfs', 0, None) < 0:
        os._exit(100)
    os.mknod(folder + '/kvm', 0o660 | stat.S_IFCHR, device)
    os.chown(folder + '/kvm', 0, GROUP)
    os.chmod(folder + '/kvm', 0o660)
    if libc.mount((folder + '/kvm').encode(), b'/dev/kvm', None, 1 << 12, None) < 0:  # bind
        os._exit(100)


def test_an_ordinary_user_of_group_kvm(box):
    box.need_kvm()
    if os.geteuid() != 0:
        raise Skip('only root can become another user')
    libc = ctypes.CDLL(None, use_errno=True)
    os.mkdir(box.path('dev'))
    os.chmod(box.folder, 0o755)

    def become(groups):
        private_kvm(libc, box.path('dev'))
        os.setgroups(groups)
        os.setgid(USER)
        os.setuid(USER)

    program = box.file('trapline')
    with open(box.trapline, 'rb') as source, open(program, 'wb') as copy:
        copy.write(source.read())
    guest = box.file('guest')
    with open(box.guest('hello'), 'rb') as source, open(guest, 'wb') as copy:
        copy.write(source.read())
    os.chmod(program, 0o755)
    os.chmod(guest, 0o644)
    for groups, status, part in (([GROUP], 0, 'hello'), ([], 1, 'permission')):
        try:
            done = subprocess.run([program, 'run', guest], capture_output=True, text=True, timeout=LIMIT, check=False,
                                  preexec_fn=lambda: become(groups), env=box.env, cwd='/')
        except subprocess.SubprocessError as why:
            raise Skip('no mount namespace to be had: %s' % why) from why
        if done.returncode == 100:
            raise Skip('no mount namespace to be had')
        assert done.returncode == status and part in done.stdout + done.stderr, done


