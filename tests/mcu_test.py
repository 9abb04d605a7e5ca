"""The node as firmware, on an emulated microcontroller, beside real processes on this machine.

The board and what stands around it are in board_rig.py; hostile components are in mcu_hostile_test.py. Needs TENON_BUILD (with the
components) and TENON_MCU (the folder of the firmware).
"""

import os
import socket
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from board_rig import Site  # noqa: E402
from system_test import BUILD, TENON, wait_for  # noqa: E402

POLICY = f"""\
policy: board
components: [{BUILD / "components"}]
tasks:
  thermostat: {{component: thermostat, requires: [board],
    set: {{occupied_heating: SETPOINT, occupied_cooling: 24, unoccupied_heating: 10, unoccupied_cooling: 30}}}}
OTHERS
channels:
  - {{from: board/temperature, to: thermostat.temperature, class: measurement, stale_after: 20s}}
  - {{from: thermostat.heating, to: board/setpoint, class: command, priority: 10, expiry: 10s}}
resources:
  board/setpoint: {{safe: 12}}
"""


# With the two of POLICY, ten channels at five tasks of the board; "hall" runs elsewhere.
HALL = "  hall: {component: thermostat, on: desk}\n"
EIGHT_CHANNELS = """\
  - {from: clock, to: demand-limiter.clock, class: measurement}
  - {from: clock, to: leak-guard.clock, class: measurement}
  - {from: clock, to: presence-light.clock, class: measurement}
  - {from: demand-limiter.setback, to: thermostat.setback, class: measurement, stale_after: 1min}
  - {from: demand-limiter.setback, to: hall.setback, class: event}
  - {from: board/temperature, to: hall.temperature, class: measurement, stale_after: 20s}
  - {from: presence-light.light, to: board/led0, class: command, priority: 10, expiry: 10s}
  - {from: leak-guard.valve_open, to: board/led1, class: command, priority: 10, expiry: 10s}
"""
LEDS = "  board/led0: {safe: false}\n  board/led1: {safe: false}\n"


def policy(setpoint, others=(), tasks="", channels=""):
    tasks += "".join(f"  {name}: {{component: {name}, requires: [board]}}\n" for name in others)
    return POLICY.replace("SETPOINT", str(setpoint)).replace("OTHERS\n", tasks).replace("resources:", channels + "resources:") + (LEDS if channels else "")


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


def test_five_tasks_and_ten_channels_fit_and_a_sixth_task_is_refused_with_a_reason(site):
    five = ("demand-limiter", "leak-guard", "presence-light", "fan-availability")
    site.apply(policy(18, five, HALL, EIGHT_CHANNELS))
    wait_for(lambda: all((site.board.task(name) or {"state": ""})["state"] == "running" for name in (*five, "thermostat")),
             "five tasks", 30)
    wait_for(lambda: site.board.value("board/setpoint") == 18, "the set-point beside four other tasks")
    wait_for(lambda: all(site.board.value(f"board/{led}") is not None for led in ("led0", "led1")), "the commands of two others")
    memory = site.board.status()["memory"]
    print(memory)
    assert memory["stack"]["most"] + 512 <= memory["stack"]["total"]
    shown = subprocess.run([TENON, "status", "--orchestrator", site.orchestrator], capture_output=True, text=True, timeout=30).stdout
    assert str(memory["stack"]["total"]) in shown and str(memory["pool"]["total"]) in shown
    (site.folder / "policy.yaml").write_text(policy(18, (*five, "night-purge"), HALL, EIGHT_CHANNELS))
    result = subprocess.run([TENON, "apply", str(site.folder / "policy.yaml"), "--orchestrator", site.orchestrator],
                            capture_output=True, text=True, timeout=30)
    assert result.returncode != 0 and "has no place: no node fits" in result.stderr, result.stderr
    assert "it runs 5 tasks at most" in result.stderr
    wait_for(lambda: site.board.value("board/setpoint") == 18, "the control goes on")


def test_status_tells_that_a_task_keeps_failing(site):
    text = policy(16, tasks="  trap: {component: trap, requires: [board]}\n")
    site.apply(text.replace(f"[{BUILD / 'components'}]", f"[{BUILD / 'components'}, {BUILD / 'components/hostile'}]")
               .replace("resources:", "  - {from: desk/number, to: trap.value, class: event}\nresources:"))
    wait_for(lambda: (site.board.task("trap") or {"state": ""})["state"] == "running", "the task")
    site.number(666)
    wait_for(lambda: "backing-off (trap)" in subprocess.run([TENON, "status", "--orchestrator", site.orchestrator],
                                                            capture_output=True, text=True, timeout=30).stdout, "its state")


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


def put_nowhere(number, size):
    """A confirmable PUT of exactly `size` bytes to a path that is not there."""
    head = bytes((0x40, 3, number >> 8, number & 255, 0xb1)) + b"x\xff"
    return head + bytes(size - len(head))


def answers(link, seconds):
    """The ids of the answers that come until it has been silent for so long."""
    link.settimeout(seconds)
    ids = set()
    try:
        while True:
            answer = link.recv(2048)
            assert answer[1] >> 5 == 4, answer
            ids.add(answer[2] << 8 | answer[3])
    except TimeoutError:
        return ids


def test_a_burst_of_datagrams_at_full_length_does_no_harm(site):
    boot = site.board.status()["boot"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.connect(("127.0.0.1", site.board.port))
        for burst in range(1, 6):
            sizes = [(1280, 64, 1281, 700)[i % 4] for i in range(64)]
            for i, size in enumerate(sizes):
                link.send(put_nowhere(burst << 8 | i, size))
            came = answers(link, 1)
            assert len(came) >= 4, "what the controller held is answered"
            assert not any(sizes[number & 255] == 1281 for number in came)
            link.send(put_nowhere(burst << 8 | 255, 1280))
            assert answers(link, 1) == {burst << 8 | 255}
    assert site.board.status()["boot"] == boot
    wait_for(lambda: site.board.status()["orchestrator"] == "registered", "the orchestrator is in sight")
