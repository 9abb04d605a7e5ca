"""A node as an emulated microcontroller: the firmware in QEMU, with its flash in a file, so that killing it is a power cut.

The board reaches the other nodes through QEMU's user network, which shows the loopback of this machine as 10.0.2.2; they reach it
at a forwarded port, from which what it sends comes, too. So a plan holds the same kind of address for boards and processes, and
boards talk to each other like to anyone else. Its wires to the building are its second serial line, which QEMU connects to the
plant. Standard library only.
"""
import os
import shutil

FLASH_SIZE = 16 << 20
ADDRESS, HOST = "10.0.2.15", "10.0.2.2"


def qemu():
    """The emulator, or None."""
    return shutil.which("qemu-system-arm")


def write_flash(path, node, orchestrator, *lines):
    """A fresh flash with the installer's configuration: what this network wants, and more lines (firmware/configuration.h)."""
    text = [f"name {node}", f"address {ADDRESS}", f"gateway {HOST}", f"orchestrator {orchestrator}", f"alias_here {HOST}",
            "alias_in_plan 127.0.0.1", f"seed {os.urandom(32).hex()}", *lines]
    with open(path, "wb") as file:
        file.write("\n".join(text).encode() + b"\n\xff")
        file.truncate(FLASH_SIZE)


def resource(point, *, actuator=False, quantity="", unit="", minimum=0, maximum=0, resolution=None):
    """One resource of the plant, as a line of the configuration."""
    words = ["resource", point, "driver=plant", f"unit={unit}", f"min={minimum}", f"max={maximum}"]
    if quantity:
        words.append(f"quantity={quantity}")
    if actuator:
        words.append("actuator")
    if resolution is not None:
        words.append(f"resolution={resolution}")
    return " ".join(words)


def command(firmware, flash, port, plant=None):
    """QEMU with the board in it, at this port of loopback, on the wires of the plant that listens at a Unix socket. The board's log is
    QEMU's output."""
    wires = ["-chardev", f"socket,id=wires,path={plant},reconnect=1", "-serial", "chardev:wires"] if plant else []
    return [qemu(), "-display", "none", "-monitor", "none", "-semihosting-config", "enable=on,target=native",
            "-object", f"memory-backend-file,id=flash,mem-path={flash},size={FLASH_SIZE},share=on",
            "-M", "mps2-an385,memory-backend=flash", "-kernel", firmware,
            "-nic", f"user,model=lan9118,hostfwd=udp:127.0.0.1:{port}-{ADDRESS}:5683",
            "-serial", "stdio", *wires]
