"""A board in QEMU with its flash, and a site around it: an orchestrator and a node on this machine.

QEMU runs the firmware; the flash is a file, so killing QEMU is a power cut. The board reaches the processes on loopback through
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

FIRMWARE = pathlib.Path(os.environ.get("TENON_MCU", ROOT / "build/mcu")) / "tenon-mcu.elf"
FLASH_SIZE = 16 << 20


class Board:
    """One emulated microcontroller with its flash."""

    def __init__(self, folder, orchestrator, firmware=FIRMWARE, options=()):
        self.folder = folder
        self.firmware = firmware
        self.options = options  # of QEMU, beside the usual ones
        self.port = free_port()
        self.flash = folder / "flash.bin"
        self.process = None
        text = (f"name board\naddress 10.0.2.15\ngateway 10.0.2.2\n"
                f"{f'orchestrator 127.0.0.1:{orchestrator}' + chr(10) if orchestrator else ''}alias_here 10.0.2.2\nalias_in_plan 127.0.0.1\ncapability board\nseed {os.urandom(32).hex()}\n")
        with open(self.flash, "wb") as file:
            file.write(text.encode() + b"\xff")
            file.truncate(FLASH_SIZE)

    def start(self):
        log = open(self.folder / "board.log", "ab")
        self.process = subprocess.Popen(
            ["qemu-system-arm", "-display", "none", "-serial", "stdio", "-semihosting-config", "enable=on,target=native",
             "-monitor", f"unix:{self.folder}/monitor,server=on,wait=off",
             "-object", f"memory-backend-file,id=flash,mem-path={self.flash},size={FLASH_SIZE},share=on",
             "-M", "mps2-an385,memory-backend=flash", "-kernel", str(self.firmware), *self.options,
             "-nic", f"user,model=lan9118,hostfwd=udp:127.0.0.1:{self.port}-10.0.2.15:5683"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def log(self):
        return (self.folder / "board.log").read_text(errors="replace")

    def power_cut(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None

    def press_reset(self):
        """Waits for the prompt again: QEMU takes a letter at a time and forgets what is left when the socket closes."""
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.settimeout(10)
            monitor.connect(str(self.folder / "monitor"))
            for line in (b"", b"system_reset\n"):
                monitor.sendall(line)
                answer = b""
                while not answer.endswith(b"(qemu) "):
                    answer += monitor.recv(4096)

    def get(self, path):
        """The answer to a GET, as text; empty when there is none."""
        result = subprocess.run(["coap-client-notls", "-B", "3", "-m", "get", f"coap://127.0.0.1:{self.port}/{path}"],
                                capture_output=True, text=True, timeout=20)
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
    """An orchestrator, a node `desk` on this machine with a number in a file, and the board."""

    def __init__(self, folder):
        self.folder = folder
        self.orchestrator = f"127.0.0.1:{free_port()}"
        self.processes = []
        self.board = Board(folder, self.orchestrator.split(":")[1])
        self.number(0)
        self.run("orchestrator", "orchestrate", "--listen", self.orchestrator, "--data", str(folder / "orchestrator"),
                 "--dead-after", "20s")
        (folder / "desk.yaml").write_text(
            f"node: desk\nlisten: 127.0.0.1:{free_port()}\norchestrator: {self.orchestrator}\ndata: {folder / 'desk'}\n"
            f"resources:\n  desk/number: {{driver: file, path: {folder / 'number'}, interval: 100ms}}\n")
        self.run("desk", "node", str(folder / "desk.yaml"))
        self.board.start()

    def run(self, name, *arguments):
        log = open(self.folder / f"{name}.log", "ab")
        self.processes.append(subprocess.Popen([TENON, *arguments], stdout=log, stderr=log))

    def number(self, value):
        beside = self.folder / "number.new"
        beside.write_text(f"{value}\n")
        beside.rename(self.folder / "number")

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
        if self.board.process is not None:
            self.board.power_cut()
