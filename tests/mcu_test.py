"""The node as firmware, on an emulated microcontroller, beside real processes on this machine.

The board and what stands around it are in board_rig.py; hostile components are in mcu_hostile_test.py. Needs TENON_BUILD (with the
components) and TENON_MCU (the folder of the firmware).
"""

import os
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


def policy(setpoint, others=()):
    tasks = "".join(f"  {name}: {{component: {name}, requires: [board]}}\n" for name in others)
    return POLICY.replace("SETPOINT", str(setpoint)).replace("OTHERS\n", tasks)


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
