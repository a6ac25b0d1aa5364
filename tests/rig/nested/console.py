"""The first serial port: kernel messages, and the reports of the init script between them."""
import base64
import binascii
import gzip
import re

REPORT = re.compile(rb"^@with-kvm (start|status|file|end|failed:) ?(.*)$")
PANIC = b"Kernel panic - not syncing"
LOG_LINES = 100


class Console:
    """Takes the port's bytes; tells what the machine has reported so far."""

    def __init__(self):
        self.started = False
        self.status = None
        self.failure = None
        self.files = {}
        self.log = []
        self.part = b""
        self.incoming = None

    def feed(self, data):
        lines = (self.part + data).split(b"\n")
        self.part = lines.pop()
        for line in lines:
            self.take(line.rstrip(b"\r"))

    def take(self, line):
        report = REPORT.match(line)
        if report:
            self.take_report(report[1], report[2])
        elif self.incoming is not None and line:
            self.files[self.incoming].append(line)
        else:
            self.log = self.log[1 - LOG_LINES:] + [line]
            if PANIC in line:
                reason = line[line.index(PANIC):].decode(errors="replace")
                self.failure = f"the machine's kernel ended: {reason}"

    def take_report(self, what, value):
        if what == b"start":
            self.started = True
        elif what == b"failed:":
            self.failure = value.decode(errors="replace")
        elif what == b"status":
            self.status = int(value)
        elif what == b"file":
            self.incoming = int(value)
            self.files[self.incoming] = []
        else:
            self.incoming = None

    def brought(self, n):
        """The bytes of file number `n`, or None when the command left none or the port lost some."""
        if n not in self.files:
            return None
        try:
            return gzip.decompress(base64.b64decode(b"".join(self.files[n])))
        except (binascii.Error, OSError, EOFError, ValueError):
            return None

    def tail(self):
        text = b"\n".join(self.log + [self.part]).decode(errors="replace").strip()
        return re.sub(r"[^\n\t -~]+|\x1b\[[0-9;?]*[A-Za-z]", "", text)
