"""Fills the initramfs for one command: init, busybox, modules, the command and the files it needs."""
import os
import re
import shlex
import shutil
import subprocess
import sys

from . import packages
from .errors import EXIT_MACHINE, EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND, Problem
from .initramfs import Initramfs

HERE = os.path.dirname(os.path.abspath(__file__))
EMPTY_DIRS = ["/proc", "/sys", "/dev", "/run", "/rig/bring", "/root"]
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def build(options, lane, kernel, out):
    """Writes the initramfs for `options` into the file object `out`."""
    image = Initramfs()
    add_base(image, lane, kernel)
    if options.with_gdb:
        image.add_host(packages.gdb(), "/usr/bin/gdb")
    for source, dest in options.files:
        add_file(image, source, dest)
    command = find_command(image, options.command[0])
    for word in [command, *options.command[1:]]:
        if os.path.isfile(word):
            image.add_host(word)
    add_command(image, [command, *options.command[1:]], options)
    image.write(out)


def add_base(image, lane, kernel):
    for path in EMPTY_DIRS:
        image.add_dir(path)
    image.add_dir("/tmp", 0o1777)
    image.add_device("/dev/console", 5, 1)
    image.add_host(os.path.join(HERE, "init"), "/init")
    for name in lane.MODULES:
        image.add_host(kernel / f"{name}.ko", f"/rig/{name}.ko")
    image.add_bytes("/rig/modules", (" ".join(lane.MODULES) + "\n").encode())
    image.add_bytes("/rig/linger", str(lane.LINGER_SECONDS).encode())
    add_busybox(image)


def add_busybox(image):
    """Applets are in a folder of their own, last in the PATH: the caller's own programs come first."""
    busybox = packages.find_program("busybox")
    image.add_host(busybox, "/rig/bin/busybox")
    applets = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True)
    for name in applets.stdout.split():
        image.add_link("/rig/bin/" + name, "busybox")


def add_file(image, source, dest):
    if not os.path.exists(source):
        raise Problem(EXIT_MACHINE, f"--files: {source} does not exist")
    image.add_host(source, dest)


def find_command(image, name):
    """A path that the nested machine has: as given, from the files, from this machine's PATH, an applet."""
    if "/" in name:
        if not os.path.exists(name) and not image.has(os.path.abspath(name)):
            raise Problem(EXIT_NOT_FOUND, f"{name}: not found")
        if os.path.isfile(name) and not os.access(name, os.X_OK):
            raise Problem(EXIT_NOT_EXECUTABLE, f"{name}: not executable")
        return name
    folders = os.get_exec_path()
    for folder in [*folders, "/usr/bin"]:
        if image.has(os.path.join(folder, name)):
            return os.path.join(folder, name)
    found = shutil.which(name)
    if found:
        return found
    if image.has("/rig/bin/" + name):
        return "/rig/bin/" + name
    raise Problem(EXIT_NOT_FOUND, f"{name}: not found")


def add_command(image, words, options):
    """/rig/command is a script whose every word is quoted; the shell it runs in takes no part after exec."""
    if not image.has("/bin/sh"):
        image.add_link(image.follow_links("/bin") + "/sh", "/rig/bin/busybox")
    environment = dict(os.environ)
    environment.update(options.env)
    environment["PATH"] = environment.get("PATH", os.defpath) + ":/rig/bin"
    if not image.has(environment.get("SHELL", "/bin/sh")):
        environment["SHELL"] = "/bin/sh"
    lines = [f"export {name}={shlex.quote(value)}" for name, value in environment.items() if NAME.match(name)]
    cwd = os.getcwd()
    image.add_dir(cwd)
    for name in ("HOME", "TMPDIR"):
        if os.path.isabs(environment.get(name, "")):
            image.add_dir(environment[name])
    lines += ["exec </rig/stdin >/run/out 2>/run/err"]
    lines += [f"cd {shlex.quote(cwd)}", "exec " + " ".join(map(shlex.quote, words))]
    image.add_bytes("/rig/command", os.fsencode("\n".join(lines) + "\n"))
    image.add_bytes("/rig/stdin", read_stdin(options.stdin))
    for n, (path, _) in enumerate(options.bring):
        image.add_bytes(f"/rig/bring/{n}", os.fsencode(os.path.abspath(path)))


def read_stdin(name):
    if name is None:
        return b""
    if name == "-":
        return sys.stdin.buffer.read()
    with open(name, "rb") as f:
        return f.read()
