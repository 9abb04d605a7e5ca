"""Real processes over real sockets: what users run, with file resources in place of a building.

Everything listens on loopback ports that were free a moment ago, lives in a folder of its own, and is killed by its id.
"""

import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("TENON_BUILD", ROOT / "build/release"))
TENON = str(BUILD / "tenon")

POLICY = """\
policy: house
components: [%s]
tasks:
  thermostat-a:
    component: thermostat
    requires: [logic]
    set: {occupied_heating: 21, occupied_cooling: 24, unoccupied_heating: 16, unoccupied_cooling: 30}
channels:
  - {from: a/temperature, to: thermostat-a.temperature, class: measurement, stale_after: 20s}
  - {from: a/occupied, to: thermostat-a.occupied, class: measurement}
  - {from: thermostat-a.heating, to: a/heating, class: command, priority: 10, expiry: 10s}
resources:
  a/heating: {safe: 18}
""" % (BUILD / "components")


def free_port():
    """Not one of those that the kernel gives to whoever asks for any: QEMU and libcoap let others have their ports, too
    (SO_REUSEADDR), so that now and then a client was given the port of the board it asked, and asked itself."""
    first = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(10000, first)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def wait_for(condition, what, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


class House:
    """One room with sensors and a heater on node `room`, two nodes for logic, an orchestrator."""

    def __init__(self, folder):
        self.folder = folder
        self.ports = {name: free_port() for name in ("orchestrator", "room", "logic1", "logic2")}
        self.processes = {}
        self.write("temperature", "19.5")
        self.write("occupied", "true")
        self.write("heating", "")
        for name in ("room", "logic1", "logic2"):
            (folder / f"{name}.yaml").write_text(self.config(name))
        (folder / "policy.yaml").write_text(POLICY)

    def write(self, name, text):
        (self.folder / name).write_text(text + "\n")

    def log(self, name):
        return (self.folder / f"{name}.log").read_text()

    def heating(self):
        return (self.folder / "heating").read_text().strip()

    def address(self, name):
        return f"127.0.0.1:{self.ports[name]}"

    def config(self, name):
        text = (f"node: {name}\nlisten: {self.address(name)}\norchestrator: {self.address('orchestrator')}\n"
                f"data: {self.folder / ('data-' + name)}\nkeepalive: 200ms\nack_timeout: 200ms\n")
        if name != "room":
            return text + "capabilities: [logic]\n"
        return text + (
            "resources:\n"
            f"  a/temperature: {{driver: file, path: {self.folder}/temperature, interval: 100ms, "
            "quantity: Zone_Air_Temperature_Sensor, unit: Cel}\n"
            f"  a/occupied: {{driver: file, path: {self.folder}/occupied, interval: 100ms, type: boolean, "
            "quantity: Occupancy_Status}\n"
            f"  a/heating: {{driver: file, path: {self.folder}/heating, actuator: true, "
            "quantity: Zone_Air_Heating_Temperature_Setpoint, unit: Cel, range: [5, 30]}\n")

    def start(self, name):
        if name == "orchestrator":
            command = [TENON, "orchestrate", "--listen", self.address(name), "--data", str(self.folder / "orchestrator"),
                       "--dead-after", "1s"]
        else:
            command = [TENON, "node", str(self.folder / f"{name}.yaml")]
        log = open(self.folder / f"{name}.log", "ab")
        self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self, name):
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def replace(self, name):
        """Another device takes the node's name: its storage is fresh."""
        self.kill(name)
        shutil.rmtree(self.folder / f"data-{name}")
        self.start(name)

    def close(self):
        for name in list(self.processes):
            self.kill(name)

    def tenon(self, *arguments, check=True):
        result = subprocess.run([TENON, *arguments], capture_output=True, text=True, timeout=30)
        if check and result.returncode != 0:
            raise AssertionError(f"tenon {' '.join(arguments)}: {result.stdout}{result.stderr}")
        return result

    def status(self):
        result = self.tenon("status", "--json", "--orchestrator", self.address("orchestrator"), check=False)
        return json.loads(result.stdout) if result.returncode == 0 else {"nodes": [], "tasks": [], "moves": []}

    def place(self):
        tasks = {task["name"]: task["node"] for task in self.status()["tasks"]}
        return tasks.get("thermostat-a")

    def apply(self):
        wait_for(lambda: sum(node["alive"] for node in self.status()["nodes"]) == 3, "three nodes alive")
        self.tenon("apply", str(self.folder / "policy.yaml"), "--orchestrator", self.address("orchestrator"))
        wait_for(lambda: self.heating() == "21", "the set-point of an occupied room")

    def follows(self):
        """Control works: the set-point follows the occupancy."""
        self.write("occupied", "false")
        wait_for(lambda: self.heating() == "16", "the set-point of an empty room")
        self.write("occupied", "true")
        wait_for(lambda: self.heating() == "21", "the set-point of an occupied room")


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path)
    for name in ("orchestrator", "room", "logic1", "logic2"):
        house.start(name)
    try:
        yield house
    finally:
        house.close()


def test_control_goes_on_without_the_orchestrator_which_finds_everything_on_return(house):
    house.apply()
    before = house.place()
    house.kill("orchestrator")
    house.follows()
    house.start("orchestrator")
    wait_for(lambda: house.place() == before, "the task where it was")
    time.sleep(2)  # longer than a node may be silent: nothing is placed anew
    assert house.place() == before
    assert house.status()["moves"] == []
    house.follows()


def test_tasks_of_a_dead_node_are_placed_and_loaded_elsewhere_by_capability(house):
    house.apply()
    before = house.place()
    house.kill(before)
    other = "logic2" if before == "logic1" else "logic1"
    wait_for(lambda: house.place() == other, "the task on the other node with the capability")
    house.follows()
    move = house.status()["moves"][-1]
    assert (move["task"], move["from"], move["to"]) == ("thermostat-a", before, other)
    assert move["gap_ms"] > 0


def test_node_resumes_from_its_disk_with_no_orchestrator_in_sight(house):
    house.apply()
    house.kill("orchestrator")
    node = "logic1" if "logic1" in house.processes and (house.folder / "data-logic1/code").exists() and any(
        (house.folder / "data-logic1/code").iterdir()) else "logic2"
    house.kill(node)
    house.start(node)
    house.kill("room")
    house.start("room")
    house.follows()


def test_actuator_returns_to_its_safe_value_when_its_writer_is_gone(house):
    house.apply()
    node = house.place()
    house.kill("orchestrator")
    house.kill(node)
    wait_for(lambda: house.heating() == "18", "the safe value after the command's expiry", 30)


def test_fresh_device_in_a_role_gets_a_higher_epoch_and_control_goes_on(house):
    house.apply()

    def epochs():
        status = house.status()
        rows = [resource for node in status["nodes"] for resource in node["resources"] if resource["name"] == "a/heating"]
        return [row["epoch"] for row in rows], [task["epoch"] for task in status["tasks"]]

    assert epochs() == ([1], [1])
    house.kill("room")
    house.start("room")
    wait_for(lambda: house.status()["nodes"] and "start 2" in house.log("orchestrator"), "the node's second start")
    house.follows()
    assert epochs() == ([1], [1])
    node = house.place()
    house.replace(node)
    wait_for(lambda: epochs() == ([1], [2]), "a higher epoch for the task of the fresh device")
    house.follows()
    house.replace("room")
    wait_for(lambda: epochs() == ([2], [2]), "a higher epoch for the resources of the fresh device")
    assert "task thermostat-a: epoch 2 on " in house.log("orchestrator")
    assert "another device took the role" in house.log("orchestrator")


def test_fresh_device_with_sensors_is_listened_to(house):
    house.apply()
    house.kill("room")
    house.start("room")
    house.follows()
    house.replace("room")
    wait_for(lambda: "resource a/temperature: epoch 2 on room" in house.log("orchestrator"), "a higher epoch")
    house.write("occupied", "false")
    wait_for(lambda: house.heating() == "16", "the set-point of an empty room", 5)


def test_node_that_cannot_keep_an_identity_does_not_start(house):
    data = house.folder / "data-other"
    (data / "identity.new").mkdir(parents=True)
    (house.folder / "other.yaml").write_text(house.config("logic1").replace("data-logic1", "data-other").replace(
        house.address("logic1"), f"127.0.0.1:{free_port()}"))
    result = house.tenon("node", str(house.folder / "other.yaml"), check=False)
    assert result.returncode != 0
    assert "cannot write in " in result.stderr


def test_override_is_obeyed_outranked_released_and_ends_by_itself(house):
    house.apply()

    def override(*arguments, check=True):
        return house.tenon("override", *arguments, "--orchestrator", house.address("orchestrator"), check=check)

    def refused(text, *arguments):
        result = override(*arguments, check=False)
        assert result.returncode != 0 and text in result.stderr, result.stdout + result.stderr

    assert override("a/heating", "25.5", "--for", "2h").stdout == "a/heating is 25.5 Cel for 2h (priority 8)\n"
    assert house.heating() == "25.5"
    house.write("occupied", "false")
    time.sleep(0.5)
    assert house.heating() == "25.5"  # the thermostat's command has priority 10
    said = override("a/heating", "28", "--for", "1h", "--priority", "9").stdout
    assert "a/heating is 25.5 Cel, commanded with priority 8\n" in said
    assert "outranked: your override with priority 9 is kept, and obeyed when the higher one ends within 1h" in said
    assert override("a/heating", "--release").stdout == "a/heating is 28 Cel, commanded with priority 9\n"
    assert override("a/heating", "--release", "--priority", "9").stdout == "a/heating is 16 Cel, commanded with priority 10\n"
    override("a/heating", "29", "--for", "1s")
    wait_for(lambda: house.heating() == "29", "the override")
    wait_for(lambda: house.heating() == "16", "the thermostat again, when the time is over", 5)
    refused("35 is out of range; use 5 to 30 Cel", "a/heating", "35", "--for", "2h")
    refused("'a/heating' takes number, and 'warm' is none; write a number", "a/heating", "warm", "--for", "2h")
    refused("no node offers the resource 'a/heatin'; did you mean 'a/heating'?", "a/heatin", "20", "--for", "2h")
    refused("'a/temperature' is a sensor", "a/temperature", "20", "--for", "2h")
    refused("priority 10 of a/heating belongs to ", "a/heating", "20", "--for", "2h", "--priority", "10")
    refused("say how long the override holds", "a/heating", "20")
    refused("at most 30d", "a/heating", "20", "--for", "31d")
    refused("--release takes neither a value nor --for", "a/heating", "20", "--release")
    refused("--priority is a number from 1", "a/heating", "20", "--for", "1h", "--priority", "17")
    assert "override: 25.5 with priority 8 for 7200 s by 127.0.0.1:" in house.log("room")


def test_override_works_at_the_node_when_the_orchestrator_is_dead(house):
    house.apply()
    house.kill("orchestrator")
    result = house.tenon("override", "a/heating", "24", "--for", "5min", "--orchestrator", house.address("orchestrator"),
                         check=False)
    assert result.returncode != 0 and "--node ADDRESS" in result.stderr
    result = house.tenon("override", "a/heating", "24", "--for", "5min", "--node", house.address("room"))
    assert result.stdout == "a/heating is 24 Cel for 5min (priority 8)\n"
    assert house.heating() == "24"
    result = house.tenon("override", "a/heatng", "24", "--for", "5min", "--node", house.address("room"), check=False)
    assert "did you mean 'a/heating'?" in result.stderr
    house.tenon("override", "a/heating", "--release", "--node", house.address("room"))
    wait_for(lambda: house.heating() == "21", "the thermostat again")
    house.follows()


def test_override_survives_the_death_of_its_node(house):
    house.apply()
    house.tenon("override", "a/heating", "27", "--for", "1h", "--node", house.address("room"))
    wait_for(lambda: house.heating() == "27", "the override")
    house.kill("room")
    house.write("heating", "")
    house.start("room")
    wait_for(lambda: house.heating() == "27", "the override again, from the node's journal")
    house.write("occupied", "false")
    time.sleep(0.5)
    assert house.heating() == "27"
    wait_for(lambda: "'a/heating'" not in house.tenon("override", "a/heating", "--release", "--node", house.address("room"),
                                                      check=False).stderr, "the node answers")
    wait_for(lambda: house.heating() == "16", "the set-point of an empty room")


def test_channels_join_both_ends_and_name_the_dead(house):
    house.apply()

    def channels(*arguments):
        return json.loads(house.tenon("channels", *arguments, "--json", "--orchestrator",
                                      house.address("orchestrator")).stdout)

    report = channels()
    rows = {(row["source"], row["destination"]): row for row in report["channels"]}
    assert len(rows) == 3 and all(node["answered"] for node in report["nodes"])
    row = rows["thermostat-a.heating", "a/heating"]
    assert (row["class"], row["source_node"], row["destination_node"]) == ("command", house.place(), "room")
    assert row["complete"] and row["at_source"]["sent"] == row["sent"] and row["at_destination"]["received"] == row["received"]
    assert [row["destination"] for row in channels("a/temperature")["channels"]] == ["thermostat-a.temperature"]
    assert len(channels("thermostat-a")["channels"]) == 3
    wrong = house.tenon("channels", "thermostat-b", "--orchestrator", house.address("orchestrator"), check=False)
    assert wrong.returncode == 1 and "did you mean 'thermostat-a'?" in wrong.stderr
    status = house.status()
    assert len(status["channels"]) == 3 and all("sent" in node["counters"] for node in status["nodes"])
    text = house.tenon("status", "--orchestrator", house.address("orchestrator")).stdout
    assert re.search(r"^channels: \d+ dropped, \d+ retried, \d+ refused, \d+ quarantined, \d+ fallbacks$", text, re.M)
    own = json.loads(house.tenon("status", "--json", "--node", house.address("room")).stdout)
    assert own["node"] == "room"

    house.kill("room")
    begin = time.monotonic()
    text = house.tenon("channels", "--orchestrator", house.address("orchestrator")).stdout
    assert time.monotonic() - begin < 1.5
    assert re.search(r"^node room \(127.0.0.1:\d+\) (did not answer|is dead); what it counted is missing$", text, re.M)
    assert re.search(r"^thermostat-a.heating -> a/heating +command +\d+ +\? +\d+", text, re.M)
    row = channels("a/heating")["channels"][0]
    assert not row["complete"] and row["received"] is None and row["at_destination"] is None and row["sent"] is not None


def test_channels_count_what_went_by(house):
    house.apply()
    house.follows()
    rows = {row["destination"]: row for row in house.status()["channels"]}
    assert rows["a/heating"]["sent"] >= 3 and rows["a/heating"]["received"] >= 3
    assert rows["thermostat-a.temperature"]["sent"] > 0
    node = {node["name"]: node for node in house.status()["nodes"]}["room"]
    assert node["counters"]["sent"] >= rows["thermostat-a.temperature"]["sent"]


def test_example_of_the_policy_reference_has_no_mistakes(tmp_path):
    text = (ROOT / "docs/policy.md").read_text().split("```yaml\n")[1].split("```")[0]
    (tmp_path / "policy.yaml").write_text(text.replace("build/release/components", str(BUILD / "components")))
    node = "node: all\nlisten: 127.0.0.1:1\ndata: data\ncapabilities: [logic]\nresources:\n"
    for room in ("kitchen", "bath"):
        node += (f"  {room}/leak: {{driver: file, path: x, type: boolean, quantity: Leak_Alarm}}\n"
                 f"  {room}/temperature: {{driver: file, path: x, quantity: Zone_Air_Temperature_Sensor, unit: Cel}}\n"
                 f"  {room}/valve: {{driver: file, path: x, actuator: true, type: boolean, quantity: Valve_Command}}\n"
                 f"  {room}/heating: {{driver: file, path: x, actuator: true, unit: Cel, "
                 "quantity: Zone_Air_Heating_Temperature_Setpoint}\n")
    (tmp_path / "node.yaml").write_text(node)
    result = subprocess.run([TENON, "check", str(tmp_path / "policy.yaml"), "--node", str(tmp_path / "node.yaml")],
                            capture_output=True, text=True, timeout=30)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "error" not in result.stdout + result.stderr


def test_logs_name_what_a_task_did(house):
    house.apply()
    text = house.tenon("logs", "thermostat-a", "--orchestrator", house.address("orchestrator")).stdout
    assert "task-started" in text


def test_garbage_datagrams_are_counted_and_harm_nothing(house):
    house.apply()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for size in (0, 1, 3, 4, 5, 40, 1200):
            for name in ("room", "orchestrator"):
                stranger.sendto(os.urandom(size), ("127.0.0.1", house.ports[name]))
        stranger.sendto(b"\x40\x02\x12\x34\xb1c\x011\xff", ("127.0.0.1", house.ports["room"]))
    house.follows()
    status = json.loads(house.tenon("status", "--json", "--node", house.address("room")).stdout)
    assert status["coap"]["malformed"] >= 1


def test_port_in_use_is_said_with_the_address(house):
    wait_for(lambda: len(house.status()["nodes"]) == 3, "three nodes")
    for arguments in (["node", str(house.folder / "room.yaml")],
                      ["orchestrate", "--listen", house.address("orchestrator"), "--data", str(house.folder / "second")]):
        result = house.tenon(*arguments, check=False)
        assert result.returncode != 0
        assert "in use" in result.stderr and "127.0.0.1:" in result.stderr


def test_second_node_on_the_same_data_folder_is_refused_and_the_plan_of_the_first_stays(house):
    house.apply()
    folder = house.folder / "data-room"
    before = {name: (folder / name).read_bytes() for name in ("plan.cbor", "boot")}
    twin = house.folder / "twin.yaml"
    twin.write_text((house.folder / "room.yaml").read_text().replace("node: room", "node: twin").replace(
        house.address("room"), f"127.0.0.1:{free_port()}"))
    result = house.tenon("node", str(twin), check=False)
    assert result.returncode != 0
    assert str(folder) in result.stderr and "another node" in result.stderr
    assert {name: (folder / name).read_bytes() for name in before} == before
    house.follows()


def test_full_disk_refuses_the_plan_and_loses_nothing(house):
    house.apply()
    # What cannot be written stands for a full disk: the data folder's file is replaced by a folder of the same name.
    plan = house.folder / "data-room" / "plan.cbor"
    before = plan.read_bytes()
    (house.folder / "data-room" / "plan.cbor.new").mkdir()
    text = POLICY.replace("priority: 10", "priority: 11")
    (house.folder / "policy.yaml").write_text(text)
    house.tenon("apply", str(house.folder / "policy.yaml"), "--orchestrator", house.address("orchestrator"), check=False)
    wait_for(lambda: "could not" in (house.folder / "orchestrator.log").read_text()
             or "storage" in (house.folder / "room.log").read_text(), "a refusal in the log")
    assert plan.read_bytes() == before
    (house.folder / "data-room" / "plan.cbor.new").rmdir()
    house.follows()


def test_node_resumes_on_a_full_disk(house):
    house.apply()
    folder = house.folder / "data-room"
    house.kill("orchestrator")
    house.kill("room")
    (folder / "boot.new").mkdir()  # stands for a full disk: no new file can be written
    for boot in (2, 3):
        house.start("room")
        house.follows()
        assert int((folder / "boot").read_text()) == boot
        house.kill("room")
    assert "free some space" in (house.folder / "room.log").read_text()


def test_a_broken_start_counter_makes_a_new_identity(house):
    house.apply()
    folder = house.folder / "data-room"
    house.kill("room")
    identity = (folder / "identity").read_text()
    (folder / "boot").write_text("0000000000000000001x\n")  # was 12: what is left of it is lower
    house.start("room")
    wait_for(lambda: "resource a/temperature: epoch 2 on room" in house.log("orchestrator"), "a higher epoch")
    assert (folder / "identity").read_text() != identity
    house.write("occupied", "false")
    wait_for(lambda: house.heating() == "16", "the set-point of an empty room", 5)


def test_no_message_between_ports_reaches_the_orchestrator(house):
    house.apply()
    house.kill("orchestrator")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", house.ports["orchestrator"]))
        ear.settimeout(0.2)
        house.follows()
        deadline = time.monotonic() + 2
        paths = []
        while time.monotonic() < deadline:
            try:
                datagram = ear.recv(2048)
            except socket.timeout:
                continue
            paths.append(datagram)
    assert paths, "the nodes still look for the orchestrator"
    assert all(b"\xb5alive" in datagram or b"\xb8register" in datagram for datagram in paths)
