"""What the cases use: running trapline to its end, or beside the case, on pipes or on a terminal."""

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import termios
import time

LIMIT = 30  # seconds for anything that is waited for; a healthy machine needs a fraction of one


class Skip(Exception):
    pass


class Outcome:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def __str__(self):
        return 'status %d\n--- out\n%s\n--- err\n%s' % (self.status, self.out, self.err)


def heed_signals():
    """In the child: whoever runs the tests may ignore some (nohup, a shell's background)."""
    for name in ('INT', 'QUIT', 'HUP', 'TERM', 'TSTP'):
        signal.signal(getattr(signal, 'SIG' + name), signal.SIG_DFL)


class Box:
    def __init__(self, trapline, guests, folder):
        self.trapline, self.guests, self.folder = trapline, guests, folder
        self.running = []
        self.env = dict(os.environ, XDG_RUNTIME_DIR=folder, LC_ALL='C')

    def guest(self, name):
        return os.path.join(self.guests, name + '.elf')

    def file(self, name, content=b''):
        path = os.path.join(self.folder, name)
        with open(path, 'wb') as f:
            f.write(content)
        return path

    def path(self, name):
        return os.path.join(self.folder, name)

    def command(self, args):
        return [self.trapline] + [str(arg) for arg in args]

    def run(self, *args, stdin='', **options):
        done = subprocess.run(self.command(args), input=stdin, capture_output=True, text=True, timeout=LIMIT,
                              check=False, env=options.pop('env', self.env), **options)
        return Outcome(done.returncode, done.stdout, done.stderr)

    def start(self, *args, **options):
        """A trapline beside the case: ended by end() if the case does not."""
        options.setdefault('stdin', subprocess.DEVNULL)
        options.setdefault('preexec_fn', heed_signals)
        child = subprocess.Popen(self.command(args), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                 bufsize=1, env=self.env, **options)
        self.running.append(child)
        return child

    def need_kvm(self):
        said = json.loads(self.run('doctor', '--json').out)
        if not said['kvm_usable']['ok']:
            raise Skip('no usable KVM here: ' + said['verdict'])

    def need_plain_build(self):
        """No sanitizer: their run times need terabytes of addresses, and end where trapline would not."""
        if 'instrumented' in self.run('run', '-v', self.guest('hello')).err:
            raise Skip('an instrumented build')

    def end(self):
        for child in self.running:
            if child.poll() is None:
                child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout, child.stderr):
                if pipe:
                    pipe.close()


def finish(child):
    out, err = child.communicate(timeout=LIMIT)
    return Outcome(child.returncode, out, err)


def check(condition, outcome, what):
    assert condition, '%s\n%s' % (what, outcome)


def one_line(outcome, status, *parts):
    """A user's error: this status, nothing on standard output, one line that says all of parts."""
    check(outcome.status == status, outcome, 'status is not %d' % status)
    check(outcome.out == '', outcome, 'something on standard output')
    check(re.fullmatch(r'trapline: [^\n]+\n', outcome.err), outcome, 'not one line')
    for part in parts:
        check(part in outcome.err, outcome, "does not say '%s'" % part)


def wait_for(condition, what):
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, 'waited in vain: ' + what
        select.select([], [], [], 0.005)


def port_of(child):
    """Reads the line that tells how to connect; returns what stands behind 'target remote'."""
    line = child.stderr.readline()
    found = re.search(r'target remote (\S+)', line)
    assert found, 'not a line to type: ' + line
    return found.group(1)


class Client:
    """The smallest debugger: packets out, packets in, an ack for each."""

    def __init__(self, target):
        if target.startswith('/'):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(target)
        else:
            host, port = target.rsplit(':', 1)
            self.socket = socket.create_connection((host.strip('[]'), int(port)))
        self.socket.settimeout(LIMIT)
        self.bytes = b''

    def send(self, text):
        body = text.encode()
        self.socket.sendall(b'$%s#%02x' % (body, sum(body) % 256))

    def receive(self):
        """The next packet's body; None at the end of the connection."""
        while True:
            found = re.search(rb'\$([^#]*)#..', self.bytes)
            if found:
                self.bytes = self.bytes[found.end():]
                try:
                    self.socket.sendall(b'+')
                except OSError:
                    pass  # it has said its last and gone
                return found.group(1).decode('latin-1')
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                more = b''
            if not more:
                return None
            self.bytes += more

    def ask(self, text):
        self.send(text)
        return self.receive()

    def close(self):
        self.socket.close()


class Terminal:
    """trapline with a pty as its terminal, in a session of its own."""

    def __init__(self, box, *args, own_slave=True, ignores=()):
        def prepare():
            heed_signals()
            for name in ignores:
                signal.signal(getattr(signal, 'SIG' + name), signal.SIG_IGN)
            if own_slave:
                fcntl_ctty(0)

        self.master, self.slave = pty.openpty()
        self.mode = termios.tcgetattr(self.slave)
        self.child = subprocess.Popen(box.command(args), stdin=self.slave, stdout=self.slave, stderr=self.slave,
                                      env=box.env, start_new_session=True, preexec_fn=prepare)
        box.running.append(self.child)
        self.text = ''

    def expect(self, part):
        end = time.monotonic() + LIMIT
        while part not in self.text:
            ready = select.select([self.master], [], [], max(0, end - time.monotonic()))[0]
            assert ready, "'%s' did not come; so far:\n%s" % (part, self.text)
            self.text += os.read(self.master, 65536).decode('latin-1')
        self.text = self.text[self.text.index(part) + len(part):]

    def type(self, text):
        os.write(self.master, text.encode())

    def is_raw(self):
        return not termios.tcgetattr(self.slave)[3] & (termios.ICANON | termios.ECHO | termios.ISIG)

    def is_as_before(self):
        return termios.tcgetattr(self.slave)[:4] == self.mode[:4]

    def wait(self):
        return self.child.wait(timeout=LIMIT)

    def kill(self, name):
        os.kill(self.child.pid, getattr(signal, 'SIG' + name))

    def close(self):
        os.close(self.master)
        os.close(self.slave)


def fcntl_ctty(fd):
    import fcntl
    fcntl.ioctl(fd, termios.TIOCSCTTY, 0)
