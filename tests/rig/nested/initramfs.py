"""An initramfs made of named host files, what they need to run, and busybox.

A file keeps its path, so that absolute paths in arguments and in the files themselves stay right. The
archive is written in the "newc" format (Linux, Documentation/driver-api/early-userspace/buffer-format.rst),
uncompressed: unpacking costs the emulated machine more than copying.
"""
import os
import stat
import subprocess

from .errors import Problem, EXIT_MACHINE

ELF_MAGIC = b"\x7fELF"
MAX_LINKS = 40


class Initramfs:
    def __init__(self):
        self.entries = {}  # guest path -> (mode, source file or bytes, device number)

    def add_dir(self, path, mode=0o755):
        """Adds the folder and its parents; a symbolic link of the host on the way stays a link."""
        path = self.follow_links(path)
        parts = path.strip("/").split("/") if path != "/" else []
        for n in range(1, len(parts) + 1):
            last = n == len(parts)
            self.entries.setdefault("/" + "/".join(parts[:n]),
                                    (stat.S_IFDIR | (mode if last else 0o755), b"", (0, 0)))

    def add_bytes(self, path, data, mode=0o644):
        self.add_dir(os.path.dirname(path))
        self.entries[self.follow_links(path)] = (stat.S_IFREG | mode, data, (0, 0))

    def add_link(self, path, target):
        self.add_dir(os.path.dirname(path))
        self.entries.setdefault(path, (stat.S_IFLNK | 0o777, os.fsencode(target), (0, 0)))

    def add_device(self, path, major, minor):
        self.add_dir(os.path.dirname(path))
        self.entries[path] = (stat.S_IFCHR | 0o600, b"", (major, minor))

    def has(self, path):
        return path in self.entries or os.path.realpath(path) in self.entries

    def follow_links(self, path):
        """The real path of an absolute host path; every link on the way becomes an entry."""
        path = os.path.normpath(path)
        for _ in range(MAX_LINKS):
            link = first_link(path)
            if link is None:
                return path
            target = os.readlink(link)
            self.entries.setdefault(link, (stat.S_IFLNK | 0o777, os.fsencode(target), (0, 0)))
            self.add_dir(os.path.dirname(link))
            rest = path[len(link):].lstrip("/")
            path = os.path.normpath(os.path.join(os.path.dirname(link), target, rest))
        raise Problem(EXIT_MACHINE, f"{path}: too many symbolic links")

    def add_host(self, source, dest=None):
        """Adds a host file or folder, and whatever its programs need, at `dest` or at its own path."""
        source = os.path.abspath(source)
        real = os.path.realpath(source)
        if dest is None:
            dest = self.follow_links(source)
        if os.path.isdir(real):
            self.add_dir(dest)
            for name in sorted(os.listdir(real)):
                self.add_host(os.path.join(real, name), os.path.join(dest, name))
        elif os.path.isfile(real) and dest not in self.entries:
            self.add_dir(os.path.dirname(dest))
            mode = stat.S_IMODE(os.stat(real).st_mode) & 0o777
            self.entries[self.follow_links(dest)] = (stat.S_IFREG | mode, real, (0, 0))
            for needed in needs(real):
                self.add_host(needed)

    def write(self, out):
        for inode, path in enumerate(sorted(self.entries), start=1):
            mode, content, device = self.entries[path]
            if isinstance(content, str):
                with open(content, "rb") as f:
                    content = f.read()
            write_member(out, inode, path[1:], mode, content, device)
        write_member(out, 0, "TRAILER!!!", 0, b"", (0, 0))


def first_link(path):
    """The shortest prefix of `path` that is a symbolic link on the host, or None."""
    parts = path.strip("/").split("/")
    prefixes = ("/" + "/".join(parts[:n]) for n in range(1, len(parts) + 1))
    return next((prefix for prefix in prefixes if os.path.islink(prefix)), None)


def write_member(out, inode, name, mode, data, device):
    name = os.fsencode(name) + b"\0"
    fields = [inode, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name), 0]
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name
    out.write(head + bytes(-len(head) % 4))
    out.write(data + bytes(-len(data) % 4))


def needs(path):
    """Host files that the program at `path` cannot start without."""
    with open(path, "rb") as f:
        start = f.read(256)
    if start.startswith(b"#!"):
        return interpreter(start)
    return libraries(path) if start.startswith(ELF_MAGIC) else []


def interpreter(start):
    words = os.fsdecode(start[2:].split(b"\n")[0]).split()
    found = [word for word in words[:1] if os.path.exists(word)]
    if found and os.path.basename(words[0]) == "env" and len(words) > 1:
        found += [os.path.join(folder, words[1]) for folder in os.get_exec_path()
                  if os.access(os.path.join(folder, words[1]), os.X_OK)][:1]
    return found


def libraries(path):
    """What ldd lists. It fails for a static program and for another machine's: those need nothing."""
    done = subprocess.run(["ldd", path], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return []
    found = []
    for line in done.stdout.splitlines():
        words = line.split()
        if "not found" in line:
            raise Problem(EXIT_MACHINE, f"{path} needs {words[0]}, which is not on this machine")
        found += [word for word in words if word.startswith("/")][-1:]
    return found
