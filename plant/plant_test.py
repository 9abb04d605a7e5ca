"""tenon-plant as its drivers see it: a real building for a day, over the real socket.

Needs TENON_PLANT (the program) and TENON_THIRD_PARTY (where ./dev setup put EnergyPlus and the reference buildings).
"""
import csv
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

import cbor2
import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "examples", "office"))
sys.path.insert(0, os.path.join(ROOT, "tests"))
import office_run  # noqa: E402
import plant_model  # noqa: E402
from serial_line import Line  # noqa: E402

THIRD_PARTY = os.environ.get("TENON_THIRD_PARTY", os.path.join(ROOT, "build", "third_party"))
PLANT = os.environ.get("TENON_PLANT", os.path.join(ROOT, "build", "release", "plant", "tenon-plant"))
BUILDING = os.path.join(THIRD_PARTY, "plant", "reference", "buildings", "5ZoneAutoDXVAV.epJSON")
WEATHER = os.path.join(THIRD_PARTY, "plant", "energyplus", "WeatherData", "USA_CO_Golden-NREL.724666_TMY3.epw")
JANUARY_14 = plant_model.begin_date("01-14")
UNIX_JANUARY_14 = 1547424000


class Driver:
    """A driver of a few lines."""

    def __init__(self, path, reads, writes):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(30)
        deadline = time.monotonic() + 10
        while self.socket.connect_ex(path) != 0:  # between bind and listen of a plant that is just starting
            assert time.monotonic() < deadline
            time.sleep(0.01)
        self.send([0, 1, reads, writes])
        self.answer = self.receive()

    def send(self, message):
        self.socket.send(cbor2.dumps(message))

    def receive(self):
        packet = self.socket.recv(8192)
        return cbor2.loads(packet) if packet else None

    def close(self):
        self.socket.close()


def board_at(path):
    """A board's end of the serial line."""
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    line.connect(path)
    return Line(line)


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="tenon-plant-") as path:
        yield path


@pytest.fixture
def started(folder):
    """Starts plants; kills what is left of them."""
    processes = []

    def start(**options):
        options.setdefault("days", 1)
        options.setdefault("socket", os.path.join(folder, "s"))
        plant_model.write(BUILDING, WEATHER, folder, JANUARY_14, **options)
        process = subprocess.Popen([PLANT, os.path.join(folder, "plant.json")], stderr=subprocess.PIPE, text=True)
        processes.append(process)
        deadline = time.monotonic() + 20
        while options["socket"] and not os.path.exists(options["socket"]) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def rows(folder):
    with open(os.path.join(folder, "plant.csv"), encoding="utf-8") as file:
        return list(csv.DictReader(file))


def finish(process):
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors


def test_a_day_without_drivers_follows_the_building_s_own_schedules(started, folder):
    assert finish(started(socket=None)) == (0, "")
    log = rows(folder)
    assert len(log) == 289
    assert log[0]["time"] == "2019-01-14T00:00:00" and log[-1]["time"] == "2019-01-15T00:00:00"
    noon = next(row for row in log if row["time"].endswith("12:00:00"))
    assert 20.5 < float(noon["space1/temperature"]) < 24.5
    assert float(noon["space1/heating_in_effect"]) == 21.1 and noon["space1/heating_setpoint"] == ""
    assert log[0]["energy/electricity"] == "" and float(noon["energy/electricity"]) > 1000


def test_writes_take_effect_and_are_released_with_their_connection(started, folder):
    process = started(wait_for_clients=1, gate=True, seconds_per_day=3.0)
    driver = Driver(os.path.join(folder, "s"), ["space1/temperature", "energy/electricity"], ["space1/heating_setpoint"])
    assert driver.answer == [1, None]
    kind, number, local_time, values = driver.receive()
    assert (kind, number, local_time) == (2, 0, UNIX_JANUARY_14) and values[1] is None
    driver.send([3, 0, 25.0])
    driver.send([5])
    temperature = 0.0
    while (step := driver.receive())[1] < 60:
        assert step[2] == UNIX_JANUARY_14 + 300 * step[1]
        temperature = step[3][0]
    assert temperature > 20.0  # by 05:00; the building itself would let it fall below 16
    driver.close()
    assert finish(process) == (0, "")
    log = rows(folder)
    assert log[30]["space1/heating_setpoint"] == "25" and float(log[30]["space1/heating_in_effect"]) == 25.0
    assert log[-10]["space1/heating_setpoint"] == "" and float(log[-10]["space1/heating_in_effect"]) == 12.8


def test_the_gate_waits_for_drivers_and_for_start(started, folder):
    path = os.path.join(folder, "s")
    process = started(wait_for_clients=1, gate=True)
    control = Driver(path, [], [])
    control.send([5])
    assert control.receive()[:2] == [2, 0]
    assert len(rows(folder)) == 0
    driver = Driver(path, ["outdoor/temperature"], [])
    step = driver.receive()
    while step is not None and step != [4]:
        step = driver.receive()
    assert step == [4]
    assert finish(process)[0] == 0


def test_start_counts_when_its_sender_leaves_with_a_step_unread(started, folder):
    path = os.path.join(folder, "s")
    process = started(wait_for_clients=1, gate=True)
    driver = Driver(path, ["outdoor/temperature"], [])
    assert driver.receive()[:2] == [2, 0]
    control = Driver(path, [], [])  # is sent the pending step, and does not read it
    process.send_signal(signal.SIGSTOP)  # so that the plant sees message and end together
    control.send([5])
    control.close()
    process.send_signal(signal.SIGCONT)
    while (step := driver.receive()) != [4]:
        assert step is not None
    assert finish(process)[0] == 0


@pytest.mark.parametrize("reads, writes, complaint", [
    (["space9/temperature"], [], "no point 'space9/temperature'"),
    (["space1/heating_setpoint"], [], "can only be written"),
    ([], ["space1/temperature"], "can only be read"),
])
def test_a_driver_with_a_point_that_is_not_there_is_told_which(started, folder, reads, writes, complaint):
    started(gate=True)
    driver = Driver(os.path.join(folder, "s"), reads, writes)
    assert complaint in driver.answer[1]
    assert driver.receive() is None


def test_nonsense_closes_its_connection_and_no_other(started, folder):
    path = os.path.join(folder, "s")
    process = started(wait_for_clients=1, gate=True)
    good = Driver(path, ["space1/temperature"], ["space1/heating_setpoint"])
    for nonsense in (b"\xff", b"hello", cbor2.dumps([0, 2, [], []]), cbor2.dumps([3, 0, 1.0]), cbor2.dumps([9])):
        bad = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        bad.settimeout(10)
        bad.connect(path)
        bad.send(nonsense)
        assert bad.recv(100) == b""
    good.send([5])
    while good.receive() != [4]:
        pass
    assert finish(process)[0] == 0


def test_a_board_on_a_serial_line_reads_and_writes_through_noise_and_restarts(started, folder):
    line = os.path.join(folder, "line")
    process = started(wait_for_clients=1, gate=True, seconds_per_day=3.0, serial=line)
    board = board_at(line)
    board.send([3, 0, 1.0])
    assert board.receive() == [1, "say hello first"]
    board.send([0, 1, ["space1/temperature"], ["space1/heating_setpoint"]], noise=b"\x05noise\0\0")
    assert board.receive() == [1, None]
    assert board.receive()[:3] == [2, 0, UNIX_JANUARY_14]
    board.send([3, 0, 25.0])
    board.send([5])
    while board.receive()[1] < 30:
        pass
    board.socket.send(b"\x09half of a fr")  # it is reset in the middle of a frame
    board.send([0, 1, ["space1/temperature"], ["space1/heating_setpoint"]], noise=b"\0")
    while (message := board.receive())[0] == 2:
        pass
    assert message == [1, None]
    while (step := board.receive())[1] < 90:
        pass
    assert len(step[3]) == 1
    board.send([3, 0, 24.0])
    board.socket.shutdown(socket.SHUT_WR)
    assert finish(process) == (0, "")
    points = [row["space1/heating_setpoint"] for row in rows(folder)]
    assert points[20] == "25" and points[60] == "" and points[-10] == ""


def change(folder, **changes):
    path = os.path.join(folder, "plant.json")
    with open(path, encoding="utf-8") as file:
        config = json.load(file)
    config.update(changes)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file)
    return path


@pytest.mark.parametrize("points, complaint", [
    ({"a/b": {"variable": ["Zone Mean Air Temperature", "ATTIC"]}}, "point a/b: the building has no variable"),
    ({"a/b": {"meter": "Steam:Facility"}}, "point a/b: the building has no meter 'Steam:Facility'"),
    ({"a/b": {"actuators": [["Lights", "Mood", "SPACE1-1"]]}}, "point a/b: the building has no actuator 'Lights', 'Mood'"),
    ({"a/b": {"actuator": "x"}}, "point a/b needs exactly one of"),
    ([], '"points" must be an object'),
])
def test_a_config_with_unknown_points_names_them(folder, points, complaint):
    plant_model.write(BUILDING, WEATHER, folder, JANUARY_14, 1)
    done = subprocess.run([PLANT, change(folder, points=points)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and complaint in done.stderr


@pytest.mark.parametrize("changes, complaint", [
    ({"weather": "/nowhere.epw"}, "EnergyPlus ended with"),
    ({"gate": True}, 'need a "socket"'),
    ({"serial": "/tmp/line"}, 'needs a "socket"'),
    ({"seconds_per_day": -1}, '"seconds_per_day" must be'),
    ({"log": "/nowhere/plant.csv"}, "cannot write the log"),
    ({"socket": "/tmp/" + "x" * 120}, "use a shorter one"),
])
def test_a_config_with_a_mistake_says_so(folder, changes, complaint):
    plant_model.write(BUILDING, WEATHER, folder, JANUARY_14, 1)
    done = subprocess.run([PLANT, change(folder, **changes)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and complaint in done.stderr


def test_a_plant_stops_when_told_to(started):
    process = started(gate=True)
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    assert finish(process)[0] == 143


def test_zone_names_are_short_and_legal():
    def zones(*names):
        return list(plant_model.zone_names({"ZoneControl:Thermostat": {name: {"zone_or_zonelist_name": name} for name in names}}))
    assert zones("SPACE1-1", "SPACE2-1") == ["space1", "space2"]
    assert zones("Core_bottom", "Perimeter_bot_ZN_1") == ["core-bottom", "perimeter-bot-zn-1"]
    assert zones("ZN_1", "ZN_2") == ["zn-1", "zn-2"]


def test_another_building_gets_the_office_s_policy_with_its_own_limits():
    with open(os.path.join(ROOT, "examples", "office", "policy.yaml"), encoding="utf-8") as file:
        template = file.read()
    other = office_run.policy_text(template, ["hall", "loft"], "/components", True, limit_power=5000.0)
    assert "zone: [hall, loft]" in other and "space" not in other.split("tasks:", 1)[1]
    assert "limit_power: 5000, band: 1000" in other and "longest_start: 180" in other
    assert "{from: loft/temperature, to: night-purge.zone2," in other
    own = office_run.policy_text(template, [f"space{number}" for number in range(1, 6)], "/components", True)
    assert "limit_power: 20000, band: 4000" in own and "longest_start: 60" in own
