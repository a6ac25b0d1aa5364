"""Debian packages: which ones a lane needs, and a cache of those that are only unpacked.

The kernel and gdb-minimal are never installed: `apt-get download` and `dpkg -x` are enough, and both work
as a plain user. The cache is outside the tree, one folder per package and version, made under a lock and
renamed into place, so that any number of runs may start at once.
"""
import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from .errors import missing

# (what must exist: a program, or a file by its full path; the package that brings it)
COMMON = [("busybox", "busybox-static"), ("apt-get", "apt"), ("dpkg", "dpkg"), ("ldd", "libc-bin")]
LANES = {
    "host": [],
    "svm": COMMON + [("qemu-system-x86_64", "qemu-system-x86")],
    "vmx": COMMON + [
        ("bochs-bin", "bochs"),
        ("/usr/share/bochs/BIOS-bochs-latest", "bochsbios"),
        ("/usr/share/vgabios/vgabios.bin", "vgabios"),
        ("grub-mkrescue", "grub-common"),
        ("/usr/lib/grub/i386-pc/modinfo.sh", "grub-pc-bin"),
        ("xorriso", "xorriso"),
        ("mformat", "mtools"),
    ],
}
# Libraries of gdb-minimal 13.1, which is unpacked and so brings none of them itself.
GDB_LIBRARIES = ["libdebuginfod1", "libexpat1", "libgcc-s1", "libgmp10", "libipt2", "liblzma5",
                 "libreadline8", "libstdc++6", "libtinfo6", "libxxhash0", "libzstd1", "zlib1g"]

KERNEL = re.compile(r"linux-image-(\d[^ ]*)-cloud-amd64$")
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


def find_program(name):
    """Emulators and busybox may be in an sbin folder that a plain user's PATH leaves out."""
    return shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":" + SBIN)


def lane_packages(lane):
    return sorted({package for _, package in LANES[lane]} - {"apt", "dpkg", "libc-bin"})


def missing_packages(lane):
    def present(what):
        return os.path.exists(what) if what.startswith("/") else find_program(what)
    return sorted({package for what, package in LANES[lane] if not present(what)})


def check_lane(lane):
    """Raises `missing` unless the lane's packages are installed and a kernel can be had."""
    absent = missing_packages(lane)
    if absent:
        raise missing(f"the {lane} lane needs these Debian packages: {' '.join(absent)}")
    if lane != "host" and not cached("kernel") and not kernel_packages():
        raise missing(f"the {lane} lane needs a kernel: no linux-image-*-cloud-amd64 is known to apt "
                      "(run apt-get update?)")


def cache_dir():
    base = os.environ.get("XDG_CACHE_HOME")
    if not base or not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".cache")
    path = Path(base, "trapline-rig")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise missing(f"the cache folder cannot be made: {e} (set XDG_CACHE_HOME)") from e
    return path


def cached(kind):
    """The newest cached folder of this kind ("kernel" or "gdb"), or None."""
    found = list(cache_dir().glob(kind + "=*"))
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


@contextmanager
def cache_lock():
    with open(cache_dir() / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def apt_lines(*args):
    done = subprocess.run(["apt-cache", *args], capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def kernel_packages():
    """Kernel packages, the one that Debian's meta-package names first."""
    named = [line.split()[-1] for line in apt_lines("depends", "linux-image-cloud-amd64")
             if "Depends:" in line]
    others = [name for name in apt_lines("pkgnames", "linux-image-") if KERNEL.match(name)]
    others.sort(key=lambda name: [int(n) for n in re.findall(r"\d+", name)])
    return [name for name in named if KERNEL.match(name)] + others[::-1]


def download(package, workdir):
    """Unpacks `package` under `workdir`/root and returns its version, or None with apt's complaint."""
    os.makedirs(workdir)
    got = subprocess.run(["apt-get", "-o", "APT::Sandbox::User=root", "download", package], cwd=workdir,
                         capture_output=True, text=True, check=False)
    debs = list(Path(workdir).glob("*.deb"))
    if got.returncode != 0 or not debs:
        return None, (got.stderr.strip().splitlines() or ["nothing was downloaded"])[-1]
    subprocess.run(["dpkg", "-x", debs[0], Path(workdir, "root")], check=True)
    return debs[0].name.removesuffix(".deb"), ""


def fetch(kind, candidates, keep):
    """The cached folder of `kind`; the first candidate that can be downloaded fills it.

    `keep(root, folder)` moves what is wanted of the unpacked package into the new folder.
    """
    with cache_lock():
        ready = cached(kind)
        if ready:
            return ready
        complaint = "apt knows no such package (run apt-get update?)"
        with tempfile.TemporaryDirectory(prefix="new.", dir=cache_dir()) as tmp:
            for package in candidates[:3]:
                version, complaint = download(package, Path(tmp, package))
                if version:
                    folder = Path(tmp, "keep")
                    folder.mkdir()
                    keep(Path(tmp, package, "root"), folder)
                    return folder.rename(cache_dir() / f"{kind}={version}")
    raise missing(f"cannot download {candidates[0] if candidates else kind}: {complaint}")


def keep_kernel(root, folder):
    (vmlinuz,) = root.glob("boot/vmlinuz-*")
    vmlinuz.rename(folder / "vmlinuz")
    for name in ("kvm", "kvm-amd", "kvm-intel", "irqbypass"):
        for module in root.glob(f"lib/modules/*/kernel/**/{name}.ko"):
            (folder / module.name).write_bytes(lighten(module.read_bytes()))


def lighten(module):
    """A module without its signature and type data.

    To verify the one and to parse the other takes an emulated processor as long as half of the boot, and
    no one needs them here. A section of an unknown name is ignored; the kernel only notes the taint.
    """
    end = module.rfind(b"~Module signature appended~\n")
    if end > 0:
        trailer = module[end - 12:end]  # struct module_signature: its last four bytes are the length
        end -= 12 + int.from_bytes(trailer[8:], "big")
    return (module[:end] if end > 0 else module).replace(b"\0.BTF\0", b"\0.btf\0")


def kernel():
    """A folder with vmlinuz and the KVM modules."""
    return fetch("kernel", [] if cached("kernel") else kernel_packages(), keep_kernel)


def gdb():
    """The gdb program of Debian's gdb-minimal: no Python, few libraries, quick to start."""
    folder = fetch("gdb", ["gdb-minimal"], lambda root, keep: (root / "usr/bin/gdb").rename(keep / "gdb"))
    return folder / "gdb"
