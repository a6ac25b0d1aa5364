"""QEMU's emulated AMD machine: kvm-amd with native guest semantics and nested paging."""
from .packages import find_program

NAME = "svm"
MODULES = ["irqbypass", "kvm", "kvm-amd"]
TIME_LIMIT = 300
LINGER_SECONDS = 0
STDIN = None
CMDLINE = "console=ttyS0 panic=1 quiet rdinit=/init"


def prepare(folder, kernel, initrd, options, debug_port):
    """The emulator's command line; it runs in `folder`, where its ports are FIFOs."""
    debug = f"socket,host=127.0.0.1,port={debug_port},server=off,nodelay=on" if debug_port else "null"
    ports = ["file,path=console", debug, "file,path=stdout", "file,path=stderr"]
    command = [find_program("qemu-system-x86_64"), "-nodefaults", "-no-user-config", "-no-reboot",
               "-machine", "q35", "-cpu", "max", "-accel", "tcg,thread=multi",
               "-smp", str(options.cpus or 2), "-m", str(options.memory),
               "-kernel", str(kernel / "vmlinuz"), "-initrd", initrd, "-append", CMDLINE,
               "-display", "none", "-monitor", "none"]
    for n, port in enumerate(ports):
        command += ["-chardev", f"{port},id=port{n}", "-device", f"isa-serial,index={n},chardev=port{n}"]
    return command
