"""Two emulated microcontrollers that govern each other, and a plant on the wires of one. Needs TENON_BUILD and
TENON_BOARDS (the folder of mcu/ and mcu-riscv/).

The demo with --mcu (examples/office) has boards beside Linux nodes; here they are alone with an orchestrator.
"""

import json
import os
import socket
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "examples", "office"))
import board  # noqa: E402
from serial_line import Line  # noqa: E402
from system_test import BUILD, TENON, free_port, wait_for  # noqa: E402

BUILDS = os.environ.get("TENON_BOARDS", os.path.join(ROOT, "build"))
# The room of one is governed by the other: measurements and commands go from board to board.
POLICY = f"""\
policy: two-boards
components: [{BUILD / "components"}]
tasks:
  thermostat: {{component: thermostat, on: east,
    set: {{occupied_heating: 17, occupied_cooling: 24, unoccupied_heating: 10, unoccupied_cooling: 30}}}}
channels:
  - {{from: west/temperature, to: thermostat.temperature, class: measurement, stale_after: 20s}}
  - {{from: thermostat.heating, to: west/setpoint, class: command, priority: 10, expiry: 20s}}
resources:
  west/setpoint: {{safe: 12}}
"""
# One on the wires of a plant.
ZONE_POLICY = f"""\
policy: zone
components: [{BUILD / "components"}]
tasks:
  thermostat: {{component: thermostat, near: zone/warmth,
    set: {{occupied_heating: 17, occupied_cooling: 24, unoccupied_heating: 10, unoccupied_cooling: 30}}}}
channels:
  - {{from: zone/warmth, to: thermostat.temperature, class: measurement, stale_after: 1h}}
  - {{from: thermostat.heating, to: zone/setpoint, class: command, expiry: 2h}}
resources:
  zone/setpoint: {{safe: 12}}
"""


class Site:
    """An orchestrator and boards."""

    def __init__(self, folder):
        self.folder = folder
        self.orchestrator = f"127.0.0.1:{free_port()}"
        self.processes, self.ports, self.machines = {}, {}, {}
        self.start("orchestrator", [TENON, "orchestrate", "--listen", self.orchestrator, "--data", str(folder / "data")])

    def start(self, name, command):
        with open(self.folder / f"{name}.log", "ab") as log:
            self.processes[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def add(self, name, *lines, machine="arm", plant=None):
        self.machines[name] = machine
        board.write_flash(self.folder / f"{name}.flash", name, self.orchestrator, *lines)
        self.ports[name] = free_port()
        self.switch_on(name, plant)

    def switch_on(self, name, plant=None):
        self.start(name, board.command(BUILDS, self.machines[name], self.folder / f"{name}.flash", self.ports[name], plant))

    def switch_off(self, name):
        self.processes[name].kill()
        self.processes[name].wait()

    def log(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def status(self, name):
        done = subprocess.run([TENON, "status", "--json", "--node", f"127.0.0.1:{self.ports[name]}"], capture_output=True, text=True,
                              timeout=30, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else {"tasks": [], "resources": []}

    def value(self, name, resource):
        return next((row["value"] for row in self.status(name)["resources"] if row["name"] == resource), None)

    def apply(self, text):
        (self.folder / "policy.yaml").write_text(text)
        done = subprocess.run([TENON, "apply", str(self.folder / "policy.yaml"), "--orchestrator", self.orchestrator],
                              capture_output=True, text=True, timeout=30, check=False)
        return done.returncode, done.stderr


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    yield site
    for name in site.processes:
        site.switch_off(name)
    for name in site.ports:
        print(name, site.log(name)[-3000:])


def test_two_boards_govern_each_other_and_go_on_when_one_was_without_power(site):
    site.add("east", machine="riscv")
    site.add("west")
    wait_for(lambda: site.apply(POLICY)[0] == 0, "the policy", 30)
    wait_for(lambda: site.value("west", "west/setpoint") == 17, "the set-point from the other board", 30)
    site.switch_off("orchestrator")
    site.switch_off("west")
    site.switch_on("west")
    wait_for(lambda: site.value("west", "west/setpoint") == 17, "the set-point after the power cut, with no orchestrator", 30)


@pytest.mark.parametrize("machine", board.MACHINES)
def test_a_plant_at_the_serial_line_gives_values_and_time_and_takes_commands(site, tmp_path, machine):
    path = os.path.join(os.path.relpath(tmp_path), "plant")  # a socket's path is short
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen()
        site.add("zone", "clock plant", "resource zone/warmth driver=plant point=hall/temperature unit=Cel min=-40 max=80",
                 "resource zone/setpoint driver=plant actuator unit=Cel min=5 max=40", machine=machine, plant=path)
        line = Line(listener.accept()[0])
        assert line.receive() == [0, 1, ["hall/temperature"], ["zone/setpoint"]]
        line.send([2, 7, 1000, [99.0]])  # of the connection before: passed over
        line.send([1, None], noise=b"\x09noise\0\0")
        line.send([2, 8, 1547424000, [21.5]])
        wait_for(lambda: site.value("zone", "zone/warmth") == 21.5, "the plant's value", 30)
        assert site.value("zone", "clock") == 1547424000
        line.socket.send(b"\x05x" * 400)  # more than there is room for, without an end
        line.send([2, 9, 1547424300, [22.5]], noise=b"\0")
        wait_for(lambda: site.value("zone", "zone/warmth") == 22.5, "the value after the noise", 30)
        assert site.apply(ZONE_POLICY)[0] == 0
        wait_for(lambda: [task["state"] for task in site.status("zone")["tasks"]] == ["running"], "the thermostat on the board")
        line.send([2, 10, 1547424600, [20.5]])
        wait_for(lambda: line.receive() == [3, 0, 17.0], "the thermostat's set-point at the plant")
        done = subprocess.run([TENON, "override", "zone/setpoint", "19", "--for", "1h", "--orchestrator", site.orchestrator],
                              capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
        assert line.receive() == [3, 0, 19.0]
        line.send([1, "say hello first"])  # another plant took the place of the first
        assert line.receive()[0] == 0
        line.send([1, None])
        assert line.receive() == [3, 0, 19.0]
        site.switch_off("zone")
        site.switch_on("zone", path)
        line = Line(listener.accept()[0])
        assert line.receive()[0] == 0
        line.send([1, None])
        line.send([2, 11, 1547424900, [20.5]])
        assert line.receive() == [3, 0, 19.0]  # a person's word holds: the journal is read with the building's time
        assert "set back" not in site.log("zone")


def test_a_board_offers_the_resources_of_its_configuration(site):
    site.add("hall", "resource hall/lamp driver=board point=led0 type=boolean actuator",
             "resource hall/warmth driver=board point=temperature unit=Cel min=-40 max=80 interval_ms=200")
    wait_for(lambda: site.value("hall", "hall/warmth") is not None, "a reading", 30)
    assert {row["name"] for row in site.status("hall")["resources"]} == {"hall/lamp", "hall/warmth", "clock"}


@pytest.mark.parametrize("machine", board.MACHINES)
def test_a_board_with_a_mistake_in_its_configuration_says_which(site, machine):
    site.add("hall", "resource hall/lamp driver=wire", machine=machine)
    wait_for(lambda: "line 8: there is no such driver: write driver=board or driver=plant" in site.log("hall"), "the complaint", 30)
