#!/usr/bin/env python3
"""The rig itself: a command must see the same in every lane, and with-kvm must tell the truth about it.

usage: test_rig.py LANE KVMPROBE     LANE: host, svm or vmx; status 77 where the lane cannot run

A nested machine takes long to start, so each of its runs answers many questions.
"""
import os
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

WITH_KVM = Path(__file__).resolve().parent / "with-kvm"
WORDS = ["", "two words", "it's", '"quoted"', "new\nline\n", "$HOME `id` \\", "*", "-x", "--", "\u00e4"]
SKIP = 77

# What a guest's int3 does in each lane's KVM: see doc/testing.md, "Lanes".
INT3 = {
    "svm": "api 12 exit 5 exception -1 rip 0x1\n",  # delivered to the guest, which halts at 0
    "vmx": "api 12 exit 4 exception 3 rip 0x1000\n",  # KVM_EXIT_DEBUG, at the int3
}


def with_kvm(*args, **options):
    return subprocess.run([WITH_KVM, *map(str, args)], capture_output=True, text=True, check=False,
                          **options)


def leftovers(folder):
    """What runs of with-kvm left in their temporary folder."""
    return [path.name for path in Path(folder).iterdir() if path.name.startswith("with-kvm.")]


class Case(unittest.TestCase):
    lane = "host"
    probe = ""

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="rig test's ")
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)

    def script(self, name, text):
        path = self.folder / name
        path.write_text("#!/bin/sh\n" + text, encoding="utf-8")
        path.chmod(0o755)
        return path


class EveryLane(Case):
    """Run once for each lane: the subject of the test is the command's view."""

    def test_command_sees_what_it_would_see_here(self):
        script = self.script("show", 'for a; do printf "<%s>" "$a"; done\npwd\necho "$ONE|$TWO"\ncat\n'
                             "cat data >made\necho complaint >&2\nexit 3\n")
        (self.folder / "data").write_bytes(bytes(range(256)) * 64)
        (self.folder / "input").write_text("first\nlast", encoding="utf-8")
        done = with_kvm("--lane", self.lane, "--env", "ONE=a 'b'\nc", "--stdin", "input", "--files", "data",
                        "--bring", "made:brought", "--", script, *WORDS, cwd=self.folder,
                        env={**os.environ, "TWO": "from outside", "PWD": str(self.folder)})
        shown = "".join(f"<{word}>" for word in WORDS)
        self.assertEqual(done.stdout, f"{shown}{self.folder}\na 'b'\nc|from outside\nfirst\nlast")
        self.assertEqual(done.stderr, "complaint\n")
        self.assertEqual(done.returncode, 3)
        self.assertEqual((self.folder / "brought").read_bytes(), bytes(range(256)) * 64)

    def test_time_limit_leaves_nothing_behind(self):
        done = with_kvm("--lane", self.lane, "--timeout", 3, "--", "sleep", 1000,
                        env={**os.environ, "TMPDIR": str(self.folder)})
        self.assertEqual(done.returncode, 124)
        self.assertRegex(done.stderr, r"^with-kvm: time limit of 3 s reached[^\n]*\n\Z")
        self.assertEqual(leftovers(self.folder), [])

    def test_unknown_command_is_not_found(self):
        done = with_kvm("--lane", self.lane, "--", "no-such-command")
        self.assertEqual((done.returncode, done.stdout), (127, ""))


class HostLane(Case):
    """What needs no machine: the choice of a lane and what with-kvm says without running a command."""

    def test_missing_packages_are_named_and_skip(self):
        env = {"PATH": str(self.folder), "XDG_CACHE_HOME": str(self.folder)}
        done = subprocess.run([sys.executable, WITH_KVM, "--lane", "svm", "--", "true"], env=env,
                              capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (SKIP, ""))
        self.assertIn("qemu-system-x86", done.stderr)

    def test_packages_are_listed(self):
        self.assertEqual(with_kvm("--packages", "--lane", "host").stdout, "")
        self.assertIn("qemu-system-x86\n", with_kvm("--packages", "--lane", "svm").stdout)
        self.assertIn("bochsbios\n", with_kvm("--packages", "--lane", "vmx").stdout)

    @unittest.skipUnless(os.access("/dev/kvm", os.R_OK | os.W_OK), "without /dev/kvm the doctor is not asked")
    def test_auto_asks_the_doctor(self):
        for answer, status, lane in (('{"suffices":true}', 0, "host"), ('{"suffices":false}', 1, "svm"),
                                     ("no JSON", 0, "host"), ("", 1, "svm")):
            with self.subTest(answer=answer, status=status):
                doctor = self.script("doctor", f"echo '{answer}'\nexit {status}\n")
                done = with_kvm("--packages", "--doctor", doctor)
                self.assertEqual(done.stdout != "", lane == "svm", done.stderr)

    def test_termination_ends_the_command(self):
        fifo = self.folder / "alive"
        os.mkfifo(fifo)
        with subprocess.Popen([WITH_KVM, "--lane", "host", "--", "sh", "-c", 'echo >"$0"; sleep 1000 >"$0"',
                               fifo]) as run, open(fifo, "rb") as alive:
            self.assertEqual(alive.readline(), b"\n")
            run.terminate()
            self.assertEqual(run.wait(), -signal.SIGTERM)
            self.assertEqual(alive.read(), b"")  # would wait for as long as the command held the pipe


class NestedLane(Case):
    def test_kvm_is_that_of_the_lane_and_gdb_runs(self):
        done = with_kvm("--lane", self.lane, "--with-gdb", "--", "sh", "-c",
                        '"$0" && gdb -nx -batch -ex "print 6*7"', self.probe)
        self.assertEqual(done.stdout, INT3[self.lane] + "$1 = 42\n", done.stderr)
        self.assertEqual(done.returncode, 0)


class QuickLane(Case):
    """What goes on in the rig whatever the lane: tried where a command starts soon."""

    def test_signal_death_gives_128_and_its_number(self):
        done = with_kvm("--lane", self.lane, "--", "sh", "-c", "kill -KILL $$")
        self.assertEqual((done.returncode, done.stdout), (128 + signal.SIGKILL, ""))


class SvmLane(Case):
    """What every nested machine has in common, tried in the one that starts sooner. (Another lane's debug port
    carries whole sessions in outside-vmx.)"""

    def test_debug_port_reaches_the_machine(self):
        path = self.folder / "port"
        with subprocess.Popen([WITH_KVM, "--lane", self.lane, "--serve", f"unix:{path}", "--", "sh", "-c",
                               'read -r word </dev/ttyS1; echo "got $word"; echo "$word" | rev >/dev/ttyS1'],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
            self.assertEqual(run.stderr.readline(), f"with-kvm: debug port: target remote {path}\n")
            self.assertEqual(talk(path, b"hello\n", 6), b"olleh\n")
            self.assertEqual(run.stdout.read(), "got hello\n")
            self.assertEqual(run.wait(), 0)
        self.assertFalse(path.exists())

    def test_termination_ends_the_machine(self):
        with subprocess.Popen([WITH_KVM, "--lane", self.lane, "--", "sh", "-c", "echo up; sleep 1000"],
                              stdout=subprocess.PIPE, env={**os.environ, "TMPDIR": str(self.folder)}) as run:
            self.assertEqual(run.stdout.readline(), b"up\n")
            run.terminate()
            self.assertEqual(run.wait(), -signal.SIGTERM)
        self.assertEqual(leftovers(self.folder), [])

    def test_a_kernel_that_panics_is_shown(self):
        done = with_kvm("--lane", self.lane, "--", "sh", "-c", "echo c >/proc/sysrq-trigger")
        self.assertEqual((done.returncode, done.stdout), (125, ""))
        self.assertIn("sysrq triggered crash", done.stderr)


def talk(path, data, size):
    """Sends `data` to the debug port and returns the first `size` bytes of the answer."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))
        sock.sendall(data)
        with sock.makefile("rb") as answer:
            return answer.read(size)


CASES = {
    "host": [EveryLane, QuickLane, HostLane],
    "svm": [EveryLane, QuickLane, NestedLane, SvmLane],
    "vmx": [EveryLane, NestedLane],
}


def main(lane, probe):
    if subprocess.run([WITH_KVM, "--check", "--lane", lane], check=False).returncode == SKIP:
        return SKIP
    Case.lane, Case.probe = lane, os.path.abspath(probe)
    suite = unittest.TestSuite()
    for case in CASES[lane]:
        suite.addTests(unittest.defaultTestLoader.loadTestsFromTestCase(case))
    return 0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
