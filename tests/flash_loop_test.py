"""A board that loses power in a loop under load: numbered events go from a node on this machine through a counter on the board
and back into a second counter here; all three are `local`. QEMU is killed at random moments, some in the midst of the start,
and every third time while the board gets another plan and another component. After each revival the numbers go on; at the end
all three agree, and nobody saw one out of turn.

Needs TENON_BUILD and TENON_MCU as mcu_test.py does. TENON_LONG=1 for many kills; TENON_SEED=N draws other moments.
"""

import os
import random
import re
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from board_rig import Site  # noqa: E402
from system_test import BUILD, TENON, wait_for  # noqa: E402

KILLS = 200 if os.environ.get("TENON_LONG") == "1" else 12
SEED = int(os.environ.get("TENON_SEED", "7"))

POLICY = f"""\
policy: loop
components: [{BUILD / "components"}, {BUILD / "components/testing"}]
tasks:
  pulse: {{component: sequencer, on: desk, durability: local, set: {{burst: 4}}}}
  middle: {{component: counter, requires: [board], durability: local}}
  tail: {{component: counter, on: desk, durability: local}}
MORE
channels:
TICK
  - {{from: pulse.event, to: middle.event, class: event}}
  - {{from: middle.forward, to: tail.event, class: event}}
"""
# The driver reads ten times a second, so that there are forty events.
TICK = "  - {from: desk/number, to: pulse.tick, class: measurement}\n"
# Another one comes to the board, or goes.
MORE = ("", "  limiter: {component: demand-limiter, requires: [board]}\n", "", "  guard: {component: leak-guard, requires: [board]}\n")


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    try:
        wait_for(lambda: {"board", "desk"} <= set(site.alive()), "board and desk registered", 30)
        yield site
    finally:
        site.close()
        sys.stdout.write(site.board.log()[-6000:])


def policy(more="", tick=TICK):
    return POLICY.replace("MORE\n", more).replace("TICK\n", tick)


def port_value(address, task, port):
    """The last number at a port of a task, None when there is none."""
    result = subprocess.run(["coap-client-notls", "-B", "3", "-A", "0", "-m", "get", f"coap://{address}/p/{task}/{port}"],
                            capture_output=True, text=True, timeout=20)
    try:
        return float(result.stdout)
    except ValueError:
        return None


def number(address, task, port):
    """The same, asked for until there is an answer: a machine at work elsewhere may be late with it."""
    found = []
    wait_for(lambda: found.append(port_value(address, task, port)) or found[-1] is not None, f"{task}.{port}", 30)
    return found[-1]


def put_policy(site, more):
    """Applies it, or not: the board may be dark just now."""
    (site.folder / "policy.yaml").write_text(policy(more))
    subprocess.run([TENON, "apply", str(site.folder / "policy.yaml"), "--orchestrator", site.orchestrator], capture_output=True, timeout=30)


def test_a_board_that_is_killed_in_a_loop_under_load_loses_and_doubles_nothing(site):
    chance = random.Random(SEED)
    desk = re.search(r"listen: (\S+)", (site.folder / "desk.yaml").read_text()).group(1)
    board = f"127.0.0.1:{site.board.port}"
    site.apply(policy())
    wait_for(lambda: (port_value(desk, "tail", "count") or 0) > 20, "events through the board", 30)
    for kill in range(KILLS):
        if kill % 3 == 2:
            put_policy(site, MORE[kill // 3 % len(MORE)])
        time.sleep(chance.uniform(0.0, 1.5))
        site.board.power_cut()
        site.board.start()
        if chance.random() < 0.3:  # once more in the midst of the start
            time.sleep(chance.uniform(0.05, 0.6))
            site.board.power_cut()
            site.board.start()
        before = number(desk, "tail", "count")
        wait_for(lambda: number(desk, "tail", "count") > before + 4, f"events after the kill {kill}", 60)
        assert number(desk, "tail", "errors") == 0
    site.apply(policy(tick=""))  # the source is silent
    wait_for(lambda: (number(desk, "pulse", "level"), time.sleep(1))[0] == number(desk, "pulse", "level"), "silence", 30)
    wait_for(lambda: number(desk, "pulse", "level") == number(desk, "tail", "count"), "the last event", 60)
    sent = number(desk, "pulse", "level")
    assert number(board, "middle", "count") == sent
    for address, task in ((board, "middle"), (desk, "tail")):
        assert number(address, task, "errors") == 0
    wait_for(site.board.status, "the board's status")
    status = site.board.status()
    boots, wear = status["boot"], status["flash"]
    print(f"seed {SEED}: {KILLS} kills, {boots} starts, {sent:.0f} events, most worn block erased {wear['erases_max']} times")
    assert boots > KILLS
    assert "damaged" not in site.board.log()
    assert "identity" not in site.board.log()
