"""The node as firmware, on an emulated microcontroller, beside real processes on this machine.

QEMU runs build/mcu/tenon-mcu.elf on an mps2-an385. Its flash is a file, so killing QEMU is a power cut. The board reaches the
processes on loopback through QEMU's user network, which shows them as 10.0.2.2; they reach it through a forwarded port.
Needs TENON_BUILD (with the components) and TENON_MCU (the folder of the firmware).
"""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from system_test import BUILD, ROOT, TENON, free_port, wait_for  # noqa: E402

FIRMWARE = pathlib.Path(os.environ.get("TENON_MCU", ROOT / "build/mcu")) / "tenon-mcu.elf"
FLASH_SIZE = 16 << 20

POLICY = f"""\
policy: board
components: [{BUILD / "components"}, {BUILD / "components/hostile"}]
tasks:
  thermostat: {{component: thermostat, requires: [board],
    set: {{occupied_heating: SETPOINT, occupied_cooling: 24, unoccupied_heating: 10, unoccupied_cooling: 30}}}}
HOSTILE_TASKS
channels:
  - {{from: board/temperature, to: thermostat.temperature, class: measurement, stale_after: 20s}}
  - {{from: thermostat.heating, to: board/setpoint, class: command, priority: 10, expiry: 10s}}
HOSTILE_CHANNELS
resources:
  board/setpoint: {{safe: 12}}
"""
# What each does on which number, and how it is reported.
HOSTILE = ((-1, "loop-forever", "budget"), (666, "trap", "trap"), (1, "wild-pointer", "bad-pointer"))
MORE_HOSTILE = ((10, "flood-outputs", "flood"), (1000000000, "deep-recursion", "trap"))


def policy(setpoint, hostile=(), others=()):
    tasks = "".join(f"  {name}: {{component: {name}, requires: [board]}}\n" for name in (*hostile, *others))
    channels = "".join(f"  - {{from: desk/number, to: {name}.value, class: event}}\n" for name in hostile)
    return (POLICY.replace("SETPOINT", str(setpoint)).replace("HOSTILE_TASKS\n", tasks)
            .replace("HOSTILE_CHANNELS\n", channels))


class Board:
    """One emulated microcontroller with its flash."""

    def __init__(self, folder, orchestrator):
        self.folder = folder
        self.port = free_port()
        self.flash = folder / "flash.bin"
        self.process = None
        text = (f"name board\naddress 10.0.2.15\ngateway 10.0.2.2\norchestrator 127.0.0.1:{orchestrator}\n"
                f"alias_here 10.0.2.2\nalias_in_plan 127.0.0.1\ncapability board\nseed {os.urandom(32).hex()}\n")
        with open(self.flash, "wb") as file:
            file.write(text.encode() + b"\xff")
            file.truncate(FLASH_SIZE)

    def start(self):
        log = open(self.folder / "board.log", "ab")
        self.process = subprocess.Popen(
            ["qemu-system-arm", "-display", "none", "-serial", "stdio", "-semihosting-config", "enable=on,target=native",
             "-monitor", f"unix:{self.folder}/monitor,server=on,wait=off",
             "-object", f"memory-backend-file,id=flash,mem-path={self.flash},size={FLASH_SIZE},share=on",
             "-M", "mps2-an385,memory-backend=flash", "-kernel", str(FIRMWARE),
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


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    try:
        wait_for(lambda: {"board", "desk"} <= set(site.alive()), "board and desk registered", 30)
        yield site
    finally:
        site.close()
        sys.stdout.write(site.board.log()[-6000:])


def test_a_thermostat_is_loaded_onto_the_board_and_its_actuator_follows(site):
    site.apply(policy(16))
    wait_for(lambda: site.board.value("board/setpoint") == 16, "the set-point of the policy")
    site.apply(policy(19))
    wait_for(lambda: site.board.value("board/setpoint") == 19, "the set-point of the new policy")


def test_five_tasks_fit_and_a_sixth_is_refused_with_a_reason(site):
    five = ("demand-limiter", "leak-guard", "presence-light", "fan-availability")
    site.apply(policy(18, others=five))
    wait_for(lambda: all((site.board.task(name) or {"state": ""})["state"] == "running" for name in (*five, "thermostat")),
             "five tasks", 30)
    wait_for(lambda: site.board.value("board/setpoint") == 18, "the set-point beside four other tasks")
    (site.folder / "policy.yaml").write_text(policy(18, others=(*five, "night-purge")))
    result = subprocess.run([TENON, "apply", str(site.folder / "policy.yaml"), "--orchestrator", site.orchestrator],
                            capture_output=True, text=True, timeout=30)
    assert result.returncode != 0 and "night-purge" in result.stderr
    wait_for(lambda: site.board.value("board/setpoint") == 18, "the control goes on")


def test_a_board_that_is_reset_or_loses_power_resumes_by_itself(site):
    site.apply(policy(17))
    wait_for(lambda: site.board.value("board/setpoint") == 17, "the set-point")
    for process in site.processes:  # nobody is there to help
        process.kill()
    boot = site.board.status()["boot"]
    site.board.press_reset()
    wait_for(lambda: (site.board.status() or {"boot": 0})["boot"] == boot + 1, "the start after the reset")
    wait_for(lambda: site.board.value("board/setpoint") == 17, "the set-point after the reset")
    for count in range(2, 5):
        site.board.power_cut()
        site.board.start()
        wait_for(lambda: (site.board.status() or {"boot": 0})["boot"] == boot + count, "the start after the power cut")
        wait_for(lambda: site.board.value("board/setpoint") == 17, "the set-point after the power cut")


@pytest.mark.parametrize("hostile", (HOSTILE, MORE_HOSTILE), ids=("loop-trap-pointer", "flood-recursion"))
def test_hostile_components_are_stopped_and_reported_and_their_neighbour_goes_on(site, hostile):
    site.apply(policy(16, [name for _, name, _ in hostile]))
    wait_for(lambda: all((site.board.task(name) or {"state": ""})["state"] == "running" for _, name, _ in hostile),
             "all tasks", 30)
    for number, name, error in hostile:
        site.number(number)
        wait_for(lambda: (site.board.task(name) or {}).get("discarded", 0) > 0, f"{name} set aside")
        assert site.board.task(name)["last_error"] == error
        assert f"{name}: " in site.board.log()
    before = site.board.task("thermostat")["messages"]
    wait_for(lambda: site.board.task("thermostat")["messages"] > before, "the neighbour goes on")
    assert site.board.task("thermostat")["discarded"] == 0


def test_a_component_that_needs_more_memory_than_the_board_has_is_refused_by_how_much(site):
    (site.folder / "policy.yaml").write_text(policy(16, ["grow-memory"]))
    result = subprocess.run([TENON, "apply", str(site.folder / "policy.yaml"), "--orchestrator", site.orchestrator],
                            capture_output=True, text=True, timeout=30)
    assert result.returncode != 0
    assert re.search(r"'grow-memory' has no place: .*board has \d+ bytes of memory, \d+ are needed", result.stderr)
