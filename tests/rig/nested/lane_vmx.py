"""Bochs's emulated Intel machine: kvm-intel with hardware breakpoints, watchpoints and EPT."""
import os
import shutil
import subprocess

from .errors import EXIT_MACHINE, Problem
from .packages import find_program

NAME = "vmx"
MODULES = ["irqbypass", "kvm", "kvm-intel"]
TIME_LIMIT = 600
LINGER_SECONDS = 1  # power-off discards what the serial ports still hold
STDIN = b"c\n"  # Debian's build starts in its own debugger
# init_on_alloc: every page that KVM allocates would be cleared by an emulated processor.
CMDLINE = ("console=ttyS0 panic=1 quiet nokaslr mitigations=off tsc=reliable init_on_alloc=0 cryptomgr.notests "
           "nohpet rdinit=/init")

# The emulated processor reads slowly: only what is needed to load a kernel goes on the disc.
GRUB_OPTIONS = ["--directory=/usr/lib/grub/i386-pc", "--install-modules=normal iso9660 biosdisk linux",
                "--fonts=", "--locales=", "--themes="]

GRUB = f"""\
set timeout=0
linux /boot/vmlinuz {CMDLINE}
initrd /boot/initrd
boot
"""

BOCHSRC = """\
display_library: rfb, options="timeout=0"
config_interface: textconfig
plugin_ctrl: unmapped=1, biosdev=1, serial=1
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
megs: {memory}
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/vgabios/vgabios.bin
cpu: model=corei7_haswell_4770, count=1, ips=100000000, reset_on_triple_fault=0, ignore_bad_msrs=1
clock: sync=none
ata0-master: type=cdrom, path=boot.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=console
com2: enabled=1, {debug}
com3: enabled=1, mode=file, dev=stdout
com4: enabled=1, mode=file, dev=stderr
log: bochs.log
panic: action=fatal
error: action=report
info: action=ignore
debug: action=ignore
"""


def prepare(folder, kernel, initrd, options, debug_port):
    """The emulator's command line; it runs in `folder`, where its ports are FIFOs."""
    make_iso(folder, kernel, initrd)
    debug = f"mode=socket-client, dev=127.0.0.1:{debug_port}" if debug_port else "mode=null"
    with open(os.path.join(folder, "bochsrc"), "w", encoding="utf-8") as out:
        out.write(BOCHSRC.format(memory=options.memory, debug=debug))
    return [find_program("bochs-bin"), "-q", "-f", "bochsrc"]


def make_iso(folder, kernel, initrd):
    tree = os.path.join(folder, "iso")
    os.makedirs(os.path.join(tree, "boot", "grub"))
    with open(os.path.join(tree, "boot", "grub", "grub.cfg"), "w", encoding="ascii") as out:
        out.write(GRUB)
    shutil.copyfile(kernel / "vmlinuz", os.path.join(tree, "boot", "vmlinuz"))
    os.rename(initrd, os.path.join(tree, "boot", "initrd"))
    done = subprocess.run([find_program("grub-mkrescue"), *GRUB_OPTIONS, "-o", f"{folder}/boot.iso", tree],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Problem(EXIT_MACHINE, f"grub-mkrescue: {done.stderr.strip()}")
