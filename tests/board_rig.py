"""A board in QEMU with its flash, and a site around it: an orchestrator and a node on this machine.

QEMU runs the firmware, on a Cortex-M3 (`mps2`) or a 32-bit RISC-V (`riscv`); the flash is a file, the same for both, so killing
QEMU is a power cut, and a flash can go from one board into the other. The board reaches the processes on loopback through
QEMU's user network, which shows them as 10.0.2.2; they reach it through a forwarded port.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from system_test import ROOT, TENON, free_port  # noqa: E402

FLASH_SIZE = 32 << 20  # QEMU keeps the first 16 MiB of it for a Cortex-M3


def arm(flash, forward, firmware):
    firmware = pathlib.Path(os.environ.get("TENON_MCU", ROOT / "build/mcu")) / firmware
    return ["qemu-system-arm", "-semihosting-config", "enable=on,target=native", "-object", f"{flash},size=16M",
            "-M", "mps2-an385,memory-backend=flash", "-kernel", str(firmware), "-nic", f"user,model=lan9118,{forward}"]


def riscv(flash, forward, firmware):
    """The loader sets the processor to the start of the code at each reset; without it the start is that of the memory, which is
    flash here."""
    firmware = pathlib.Path(os.environ.get("TENON_MCU_RISCV", ROOT / "build/mcu-riscv")) / firmware
    return ["qemu-system-riscv32", "-bios", "none", "-m", "32M", "-object", f"{flash},size=32M",
            "-M", "virt,memory-backend=flash", "-device", f"loader,file={firmware},cpu-num=0",
            "-global", "virtio-mmio.force-legacy=false", "-netdev", f"user,id=net,{forward}",
            "-device", "virtio-net-device,netdev=net"]


MACHINES = {"mps2": arm, "riscv": riscv}
MACHINE = os.environ.get("TENON_MACHINE", "mps2")  # where nothing else is said


class Board:
    """One emulated microcontroller with its flash."""

    def __init__(self, folder, orchestrator, name="board", machine=MACHINE, firmware="tenon-mcu.elf", options=()):
        """`orchestrator` is a port, or None for a board that has none; `options` are QEMU's, beside the usual ones."""
        self.folder = folder
        self.name = name
        self.machine = machine
        self.firmware = firmware
        self.options = options
        self.port = free_port()
        self.flash = folder / f"{name}.flash"
        self.process = None
        known = f"orchestrator 127.0.0.1:{orchestrator}\n" if orchestrator else ""
        text = (f"name {name}\naddress 10.0.2.15\ngateway 10.0.2.2\n{known}"
                f"alias_here 10.0.2.2\nalias_in_plan 127.0.0.1\ncapability {name}\nseed {os.urandom(32).hex()}\n")
        with open(self.flash, "wb") as file:
            file.write(text.encode() + b"\xff")
            file.truncate(FLASH_SIZE)

    def start(self):
        log = open(self.folder / f"{self.name}.log", "ab")
        machine = MACHINES[self.machine](f"memory-backend-file,id=flash,mem-path={self.flash},share=on",
                                         f"hostfwd=udp:127.0.0.1:{self.port}-10.0.2.15:5683", self.firmware)
        self.process = subprocess.Popen(
            [*machine, *self.options, "-display", "none", "-serial", "stdio",
             "-monitor", f"unix:{self.folder}/{self.name}.monitor,server=on,wait=off"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def log(self):
        return (self.folder / f"{self.name}.log").read_text(errors="replace")

    def power_cut(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None

    def press_reset(self):
        """Waits for the prompt again: QEMU takes a letter at a time and forgets what is left when the socket closes."""
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.settimeout(10)
            monitor.connect(str(self.folder / f"{self.name}.monitor"))
            for line in (b"", b"system_reset\n"):
                monitor.sendall(line)
                answer = b""
                while not answer.endswith(b"(qemu) "):
                    answer += monitor.recv(4096)

    def get(self, path, *options):
        """The answer to a GET, as text; empty when there is none. `options` are coap-client's."""
        result = subprocess.run(["coap-client-notls", "-B", "3", "-m", "get", *options, f"coap://127.0.0.1:{self.port}/{path}"],
                                capture_output=True, text=True, errors="replace", timeout=20)
        return result.stdout.strip()

    def status(self):
        try:
            return json.loads(self.get("status"))
        except ValueError:
            return None

    def task(self, name):
        status = self.status() or {"tasks": []}
        return next((task for task in status["tasks"] if task["name"] == name), None)

    def value(self, resource):
        status = self.status() or {"resources": []}
        return next((row["value"] for row in status["resources"] if row["name"] == resource), None)


class Site:
    """An orchestrator, a node `desk` on this machine with a number in a file, and boards: the first is `board`. Actuators of the desk
    are files, too."""

    def __init__(self, folder, boards=(("board", MACHINE),), actuators=()):
        self.folder = folder
        self.orchestrator = f"127.0.0.1:{free_port()}"
        self.processes = []
        self.boards = [Board(folder, self.orchestrator.split(":")[1], *board) for board in boards]
        self.board = self.boards[0]
        self.number(0)
        self.run("orchestrator", "orchestrate", "--listen", self.orchestrator, "--data", str(folder / "orchestrator"),
                 "--dead-after", "20s")
        (folder / "desk.yaml").write_text(
            f"node: desk\nlisten: 127.0.0.1:{free_port()}\norchestrator: {self.orchestrator}\ndata: {folder / 'desk'}\n"
            f"resources:\n  desk/number: {{driver: file, path: {folder / 'number'}, interval: 100ms}}\n"
            + "".join(f"  desk/{name}: {{driver: file, path: {folder / name}, actuator: true}}\n" for name in actuators))
        self.run("desk", "node", str(folder / "desk.yaml"))
        for board in self.boards:
            board.start()

    def run(self, name, *arguments):
        log = open(self.folder / f"{name}.log", "ab")
        self.processes.append(subprocess.Popen([TENON, *arguments], stdout=log, stderr=log))

    def number(self, value):
        beside = self.folder / "number.new"
        beside.write_text(f"{value}\n")
        beside.rename(self.folder / "number")

    def actuator(self, name):
        """What the desk's actuator shows; None while it shows nothing."""
        try:
            return float((self.folder / name).read_text())
        except (FileNotFoundError, ValueError):
            return None

    def apply(self, text):
        (self.folder / "policy.yaml").write_text(text)
        result = subprocess.run([TENON, "apply", str(self.folder / "policy.yaml"), "--orchestrator", self.orchestrator],
                                capture_output=True, text=True, timeout=30)
        assert result.returncode == 0, result.stdout + result.stderr

    def alive(self):
        result = subprocess.run([TENON, "status", "--json", "--orchestrator", self.orchestrator], capture_output=True,
                                text=True, timeout=30)
        return [node["name"] for node in json.loads(result.stdout)["nodes"] if node["alive"]] if result.returncode == 0 else []

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()
        for board in self.boards:
            if board.process is not None:
                board.power_cut()
