"""This machine itself: the command runs as a child, in the same folder and with the same streams."""
import os
import shutil
import signal
import subprocess
import sys

from . import packages
from .errors import EXIT_MACHINE, EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND, EXIT_TIMEOUT, Problem
from .machine import in_child, signals_held


def run(options):
    """The exit status of the command; Problem when it could not be started or took too long."""
    for source, dest in options.files:
        if dest and os.path.realpath(dest) != os.path.realpath(source):
            raise Problem(EXIT_MACHINE, f"--files {source}:{dest}: the host lane moves no files")
    process = None
    try:
        with signals_held():
            process = start(options)
        status = process.wait(timeout=options.timeout)
    except subprocess.TimeoutExpired as e:
        raise Problem(EXIT_TIMEOUT, f"time limit of {options.timeout:g} s reached (host lane)") from e
    finally:
        if process:
            end(process)
    for source, dest in options.bring:
        if os.path.exists(source) and os.path.realpath(source) != os.path.realpath(dest):
            shutil.copyfile(source, dest)
    return status if status >= 0 else 128 - status


def start(options):
    environment = {**os.environ, **options.env}
    if options.with_gdb:
        environment["PATH"] = f"{packages.gdb().parent}:{environment.get('PATH', os.defpath)}"
    stdin = None if options.stdin in (None, "-") else open(options.stdin, "rb")
    try:
        return subprocess.Popen(options.command, env=environment, stdin=stdin,
                                start_new_session=not sys.stdin.isatty(),
                                preexec_fn=in_child)
    except FileNotFoundError as e:
        raise Problem(EXIT_NOT_FOUND, f"{options.command[0]}: not found") from e
    except PermissionError as e:
        raise Problem(EXIT_NOT_EXECUTABLE, f"{options.command[0]}: not executable") from e
    finally:
        if stdin:
            stdin.close()


def end(process):
    """Away from a terminal the command leads a process group, which goes as a whole."""
    if process.poll() is not None:
        return
    leads = os.getpgid(process.pid) == process.pid
    (os.killpg if leads else os.kill)(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=3)
    except subprocess.TimeoutExpired:
        (os.killpg if leads else os.kill)(process.pid, signal.SIGKILL)
        process.wait()
