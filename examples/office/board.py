"""A node as an emulated microcontroller: the firmware in QEMU, with its flash in a file, so that killing it is a power cut.

The board reaches the other nodes through QEMU's user network, which shows the loopback of this machine as 10.0.2.2; they reach it
at a forwarded port, from which what it sends comes, too. So a plan holds the same kind of address for boards and processes, and
boards talk to each other like to anyone else. Its wires to the building are a serial line, which QEMU connects to the plant. Standard
library only.
"""
import os
import shutil

ADDRESS, HOST = "10.0.2.15", "10.0.2.2"
FLASH_SIZE = 32 << 20  # QEMU keeps the first 16 MiB of it for a Cortex-M3


def arm(firmware, flash, forward, plant):
    """A Cortex-M3: the first serial line is the log's, the second goes to the plant."""
    return ["qemu-system-arm", "-semihosting-config", "enable=on,target=native", "-object", f"{flash},size=16M",
            "-M", "mps2-an385,memory-backend=flash", "-kernel", firmware, "-nic", f"user,model=lan9118,{forward}",
            "-serial", "stdio", *(["-serial", plant] if plant else [])]


def riscv(firmware, flash, forward, plant):
    """A 32-bit RISC-V: its one serial line is the plant's if there is one, and the log goes by semihosting."""
    return ["qemu-system-riscv32", "-semihosting-config", "enable=on,target=native", "-bios", "none", "-m", "32M",
            "-object", f"{flash},size=32M", "-M", "virt,memory-backend=flash", "-device", f"loader,file={firmware},cpu-num=0",
            "-global", "virtio-mmio.force-legacy=false", "-netdev", f"user,id=net,{forward}",
            "-device", "virtio-net-device,netdev=net", "-serial", plant or "stdio"]


# Name -> (what it is, folder of its firmware beside the build, QEMU's command line).
MACHINES = {"arm": ("Cortex-M3", "mcu", arm), "riscv": ("RISC-V", "mcu-riscv", riscv)}


def missing(builds):
    """What a run with boards lacks, as a sentence; None when nothing is."""
    for name, folder, machine in MACHINES.values():
        firmware = os.path.join(builds, folder, "tenon-mcu.elf")
        program = machine("", "", "", "")[0]
        if not os.path.exists(firmware) or shutil.which(program) is None:
            return f"the {name} needs {program} and {firmware}: run ./dev build mcu first"
    return None


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


def command(builds, machine, flash, port, plant=None):
    """QEMU with the board in it, at this port of loopback, on the wires of the plant that listens at a Unix socket. QEMU's output is
    the board's log."""
    _, folder, line = MACHINES[machine]
    wires = ["-chardev", f"socket,id=wires,path={plant},reconnect=1"] if plant else []
    return [*line(os.path.join(builds, folder, "tenon-mcu.elf"), f"memory-backend-file,id=flash,mem-path={flash},share=on",
                  f"hostfwd=udp:127.0.0.1:{port}-{ADDRESS}:5683", "chardev:wires" if plant else None),
            *wires, "-display", "none", "-monitor", "none"]
