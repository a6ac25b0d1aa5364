#!/usr/bin/env python3
"""A real debugger reads each target description from a fake stub and shows every register with its value.

usage: tdesc_debuggers.py gdb|lldb DUMP_TDESC      exit 77 when the debugger is not installed
"""
import re
import shutil
import socket
import subprocess
import sys
import threading


def dump(program, layout, what):
    return subprocess.run([program, layout.split()[0], what, *layout.split()[1:]], check=True, capture_output=True, text=True).stdout


class Stub(threading.Thread):
    """Just enough of the remote protocol for one halted CPU without memory."""

    def __init__(self, xml, registers):
        super().__init__(daemon=True)
        self.xml = xml
        self.values = [value for _, _, value in registers]
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(60)
        self.port = self.listener.getsockname()[1]

    def features(self, packet):
        offset, length = (int(n, 16) for n in packet.split(":")[-1].split(","))
        chunk = self.xml[offset:offset + length]
        return ("m" if offset + length < len(self.xml) else "l") + chunk

    def answer(self, packet):
        if packet.startswith("qSupported"):
            return "PacketSize=20000;qXfer:features:read+"
        if packet.startswith("qXfer:features:read:target.xml:"):
            return self.features(packet)
        if packet == "?":
            return "T05thread:1;"
        if packet == "qfThreadInfo":
            return "m1"
        if packet == "qsThreadInfo":
            return "l"
        if packet == "qC":
            return "QC1"
        if packet == "g":
            return "".join(self.values)
        if packet.startswith("p"):
            number = int(packet[1:].split(";")[0], 16)
            return self.values[number] if number < len(self.values) else "E45"
        if packet[0] in "mx":
            return "E14"
        return "OK" if packet[0] in "HTD" else ""

    def serve(self, connection):
        data = b""
        while True:
            chunk = connection.recv(65536)
            if not chunk:
                return
            data += chunk
            while (found := re.search(rb"\$([^#]*)#..", data, re.DOTALL)) is not None:
                data = data[found.end():]
                reply = self.answer(found.group(1).decode("latin-1")).encode("latin-1")
                connection.sendall(b"+$" + reply + b"#%02x" % (sum(reply) & 255))
                if found.group(1)[:1] in (b"k", b"D"):
                    return

    def run(self):
        try:
            connection, _ = self.listener.accept()
            with connection:
                self.serve(connection)
        except OSError:
            pass


def integer(value):
    return int.from_bytes(bytes.fromhex(value), "little")


def is_float(name):
    return re.fullmatch(r"st\d", name) is not None


def run_debugger(command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                          check=False)
    return done.stdout + done.stderr


def check_gdb(port, registers):
    """Values by name; no warning; flags by field name; the registers GDB composes itself."""
    command = ["gdb", "-nx", "-batch", "-ex", f"target remote 127.0.0.1:{port}"]
    for name, _, _ in registers:
        if is_float(name):
            command += ["-ex", f"info registers {name}"]
        else:
            command += ["-ex", f"echo {name}=", "-ex", f"output/x ${name}", "-ex", "echo \\n"]
    command += ["-ex", "info registers", "-ex", "p $ymm0", "-ex", "p $zmm31"]
    text = run_debugger(command)
    problems = []
    if re.search(r"warning: (?!No executable has been)", text):
        problems.append("gdb warns")
    shown = dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))
    for name, bits, value in registers:
        if is_float(name):
            raw = f"(raw 0x{bytes.fromhex(value)[::-1].hex()})"
            if not re.search(rf"^{name} .*{re.escape(raw)}", text, re.MULTILINE):
                problems.append(f"{name}: gdb does not show {raw}")
            continue
        want = f"{integer(value):#x}"
        got = shown.get(name, "")
        if bits >= 128 and not name.endswith("h"):
            found = re.search(r"uint128 = (0x[0-9a-f]+)", got)
            got = found.group(1) if found else got
        elif name.startswith("zmm"):
            got = got.strip("{}").split(",")[0]
        if got != want:
            problems.append(f"{name}: gdb shows {shown.get(name)!r}, stub sent {want}")
    for name, form in (("cr0", r"\[ .*\]"), ("dr7", r"\[ .*RW0=.*\]"), ("cs_attr", r"\[ .*dpl=.*\]"),
                       ("k_gs_base", "0x"), ("linear_pc", "0x")):
        if not re.search(rf"^{name}\s+(0x\w+\s+)?{form}", text, re.MULTILINE):
            problems.append(f"{name} is not in \"info registers\"")
    for name, part, form in (("ymm0", "ymm0h", "v2_int128"), ("zmm31", "zmm31h", "v4_int128")):
        if any(row[0] == part for row in registers) and form not in text:
            problems.append(f"{name} is not composed")
    return problems, text


def check_lldb(port, registers):
    """Every register by name with its value, and those that LLDB itself composes."""
    command = ["lldb", "--no-lldbinit", "--batch", "-o", f"gdb-remote 127.0.0.1:{port}",
               "-o", "register read --all", "-o", "register read pc sp fp arg1 flags ymm0"]
    text = run_debugger(command)
    problems = []
    shown = {}
    for name, value in re.findall(r"^\s+(\w+) = (.*)$", text, re.MULTILINE):
        shown.setdefault(name, value)
    for name, bits, value in registers:
        got = shown.get(name)
        if got is None:
            problems.append(f"{name} is missing")
        elif got.startswith("{"):
            if "".join(re.findall(r"0x(..)", got)) != value:
                problems.append(f"{name}: lldb shows {got}, stub sent {value}")
        elif int(got.split()[0], 16) != integer(value) or len(got.split()[0]) != 2 + bits // 4:
            problems.append(f"{name}: lldb shows {got}, stub sent {value}")
    for name in ("General Purpose Registers", "Vector Registers", "System Registers"):
        if f"{name}:" not in text:
            problems.append(f"no register set {name}")
    if any(name == "ymm0h" for name, _, _ in registers) and "ymm0" not in shown:
        problems.append("ymm0 is not composed")
    return problems, text


def main():
    debugger, program = sys.argv[1:]
    if shutil.which(debugger) is None:
        print(f"{debugger} is not installed")
        return 77
    check = {"gdb": check_gdb, "lldb": check_lldb}[debugger]
    failed = False
    for layout in ("sse", "avx", "max", "max i386"):
        lines = (line.split() for line in dump(program, layout, "g").splitlines())
        registers = [(name, int(bits), value) for name, bits, value in lines]
        stub = Stub(dump(program, layout, "xml"), registers)
        stub.start()
        problems, text = check(stub.port, registers)
        stub.listener.close()
        stub.join(10)
        if problems:
            failed = True
            print(text[-20000:])
        for problem in problems:
            print(f"{layout}: {problem}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
