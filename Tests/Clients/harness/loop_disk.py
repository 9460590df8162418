"""An ext4 file system of its own on a loop device, whose power can be cut. Needs root and loop mounts."""

import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

# EXT4_IOC_SHUTDOWN from linux/ext4.h, and its flag that throws away even the journal's unwritten part.
SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2


class LoopDisk:
    """Owned by the test that made it; `path` is where it is mounted."""

    def __init__(self, megabytes):
        self.directory = Path(tempfile.mkdtemp(prefix="martlet-disk-"))
        self.image = self.directory / "image"
        self.path = self.directory / "mounted"
        self.path.mkdir()
        with self.image.open("wb") as image:
            image.truncate(megabytes << 20)
        run("mkfs.ext4", "-q", "-F", str(self.image))
        self.mount()

    def mount(self):
        run("mount", "-o", "loop", str(self.image), str(self.path))

    def unmount(self):
        run("umount", str(self.path))

    def cut_power(self):
        """From here on nothing reaches the disk, and everything fails. What was not synced is gone after a mount."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(descriptor)

    def discard(self):
        subprocess.run(["umount", "-l", str(self.path)], check=False, capture_output=True)
        shutil.rmtree(self.directory, ignore_errors=True)


def run(*command, allowed=(0,)):
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode not in allowed:
        raise OSError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}")


def why_impossible():
    """Why this machine has no such disks; None if it has."""
    if os.geteuid() != 0:
        return "only root may mount a disk and cut its power"
    for tool in ("mkfs.ext4", "mount", "umount"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed"
    try:
        disk = LoopDisk(16)
    except OSError as error:
        return f"no file system can be mounted from a file: {error}"
    try:
        disk.cut_power()
    except OSError as error:
        return f"this kernel cannot shut an ext4 file system down: {error}"
    finally:
        disk.discard()
    return None
