"""Two architectures in one building: a Cortex-M3 and a 32-bit RISC-V in QEMU, and a node on this machine.

What one board does alone is tests/mcu_test.py, which CTest runs on either. Here they work together: messages go both ways, tasks
move from one to the other and to Linux and back. A task that moves begins a new epoch without its state, by design; its state
goes where its node's storage goes. So that is what travels here: the flash that one architecture wrote is put into the other, or
its content into the folder of a node on Linux and back (tests/flash_image.c).
Needs TENON_BUILD, TENON_MCU and TENON_MCU_RISCV.
"""

import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from board_rig import Site  # noqa: E402
from system_test import BUILD, wait_for  # noqa: E402

# Each board's room is controlled by the other board.
CROSSWISE = f"""\
policy: crosswise
components: [{BUILD / "components"}]
tasks:
  thermostat-arm: {{component: thermostat, on: riscv,
    set: {{occupied_heating: ARM, occupied_cooling: 24, unoccupied_heating: 10, unoccupied_cooling: 30}}}}
  thermostat-riscv: {{component: thermostat, on: arm,
    set: {{occupied_heating: RISCV, occupied_cooling: 24, unoccupied_heating: 10, unoccupied_cooling: 30}}}}
channels:
  - {{from: arm/temperature, to: thermostat-arm.temperature, class: measurement, stale_after: 20s}}
  - {{from: thermostat-arm.heating, to: arm/setpoint, class: command, priority: 10, expiry: 10s}}
  - {{from: riscv/temperature, to: thermostat-riscv.temperature, class: measurement, stale_after: 20s}}
  - {{from: thermostat-riscv.heating, to: riscv/setpoint, class: command, priority: 10, expiry: 10s}}
resources:
  arm/setpoint: {{safe: 12}}
  riscv/setpoint: {{safe: 12}}
"""

# Numbered events through three tasks, three for each change of the desk's number; each task counts what comes, and the last one
# what comes out of turn.
CHAIN = f"""\
policy: chain
components: [{BUILD / "components/testing"}]
tasks:
  source: {{component: sequencer, on: desk, durability: local, set: {{burst: 3}}}}
  first: {{component: counter, on: FIRST, durability: local}}
  second: {{component: counter, on: SECOND, durability: local}}
  third: {{component: counter, on: THIRD, durability: local}}
channels:
  - {{from: desk/number, to: source.tick, class: measurement, threshold: 0.5}}
  - {{from: source.event, to: first.event, class: event}}
  - {{from: first.forward, to: second.event, class: event}}
  - {{from: second.forward, to: third.event, class: event}}
  - {{from: source.level, to: desk/sent, class: command, priority: 10, expiry: 1h}}
  - {{from: first.count, to: desk/first, class: command, priority: 10, expiry: 1h}}
  - {{from: second.count, to: desk/second, class: command, priority: 10, expiry: 1h}}
  - {{from: third.count, to: desk/third, class: command, priority: 10, expiry: 1h}}
  - {{from: third.errors, to: desk/errors, class: command, priority: 10, expiry: 1h}}
resources:
  desk/sent: {{safe: 0}}
  desk/first: {{safe: -1}}
  desk/second: {{safe: -1}}
  desk/third: {{safe: -1}}
  desk/errors: {{safe: -1}}
"""
TASKS = ("first", "second", "third")


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path, (("arm", "mps2"), ("riscv", "riscv")), actuators=("sent", *TASKS, "errors"))
    try:
        wait_for(lambda: {"arm", "riscv", "desk"} <= set(site.alive()), "boards and desk registered", 30)
        yield site
    finally:
        site.close()
        for name in (*(board.name for board in site.boards), "desk", "orchestrator"):
            sys.stdout.write(f"--- {name}\n{(site.folder / f'{name}.log').read_text(errors='replace')[-3000:]}")


class Chain:
    """The chain of counters, and how many events were sent before it began to count."""

    def __init__(self, site):
        self.site = site
        self.ticks = 0
        self.before = 0

    def place(self, *nodes):
        text = CHAIN
        for task, node in zip(TASKS, nodes):
            text = text.replace(task.upper(), node)
        self.before = self.site.actuator("sent") or 0
        self.site.apply(text)

    def counts(self):
        """Of the tasks, and what came out of turn at the last one."""
        return [self.site.actuator(name) for name in (*TASKS, "errors")]

    def send(self, ticks):
        """So many more changes of the number; then each task has counted every event, and none came out of turn."""
        for _ in range(ticks):
            self.ticks += 1
            before = self.site.actuator("sent") or 0
            self.site.number(self.ticks)
            wait_for(lambda: (self.site.actuator("sent") or 0) > before, "the source counts")
        there = self.site.actuator("sent") - self.before
        try:
            wait_for(lambda: self.counts() == [there] * len(TASKS) + [0], "everything has arrived", 40)
        finally:
            print(f"sent {self.site.actuator('sent')}, before {self.before}, there {self.counts()}")


def test_each_board_controls_the_room_of_the_other(site):
    arm, riscv = site.boards
    for low, high in ((16, 19), (18, 17)):
        site.apply(CROSSWISE.replace("ARM", str(low)).replace("RISCV", str(high)))
        wait_for(lambda: arm.value("arm/setpoint") == low, "the set-point that the RISC-V board gave")
        wait_for(lambda: riscv.value("riscv/setpoint") == high, "the set-point that the Cortex-M board gave")


def test_tasks_move_between_both_boards_and_linux_and_events_arrive_once_and_in_order(site):
    chain = Chain(site)
    # Each begins afresh where it comes to. The numbers of ticks differ, so that no old count is taken for a new one.
    places = (("arm", "riscv", "arm"), ("riscv", "desk", "riscv"), ("desk", "arm", "desk"), ("arm", "riscv", "arm"))
    for ticks, nodes in enumerate(places, 3):
        chain.place(*nodes)
        chain.send(ticks)


def test_state_outlives_power_cuts_and_goes_on_in_the_other_architecture(site):
    chain = Chain(site)
    chain.place("arm", "riscv", "arm")
    chain.send(3)
    for swap in (False, True, True):
        for board in site.boards:
            board.power_cut()
        if swap:  # the flash of the Cortex-M board into the RISC-V board and the other way round, and back again
            site.boards[0].machine, site.boards[1].machine = site.boards[1].machine, site.boards[0].machine
        for board in site.boards:
            board.start()
        chain.send(3)


def move(*arguments):
    subprocess.run([BUILD / "tests/flash_image", *arguments], check=True, capture_output=True, text=True, timeout=30)


def test_state_goes_from_risc_v_to_linux_and_on_to_cortex_m(site):
    chain = Chain(site)
    chain.place("arm", "riscv", "arm")
    chain.send(3)
    board = site.boards[1]
    board.power_cut()
    folder = site.folder / "moved"
    move("unpack", board.flash, folder)
    (site.folder / "moved.yaml").write_text(
        f"node: riscv\nlisten: 127.0.0.1:{board.port}\norchestrator: {site.orchestrator}\ndata: {folder}\n"
        f"capabilities: [riscv]\nresources: {{}}\n")
    site.run("moved", "node", str(site.folder / "moved.yaml"))
    chain.send(3)
    site.processes[-1].kill()
    site.processes[-1].wait()
    move("pack", folder, board.flash)
    board.machine = "mps2"
    board.start()
    chain.send(3)
