"""Hostile components, modules, flash and configuration on an emulated microcontroller: stopped, reported, started again, and
their neighbours go on.

The board and what stands around it are in board_rig.py; what a good component does on it is tests/mcu_test.py. Needs TENON_BUILD
(with the components) and TENON_MCU (the folder of the firmware).
"""

import hashlib
import os
import random
import re
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from board_client import CBOR, BoardClient, sections, with_section  # noqa: E402
from board_rig import Board, Site  # noqa: E402
from system_test import BUILD, ROOT, TENON, wait_for  # noqa: E402

MODULES = BUILD / "components"
POLICY = f"""\
policy: board
components: [{MODULES}, {MODULES / "hostile"}FOLDER]
tasks:
  thermostat: {{component: thermostat, requires: [board],
    set: {{occupied_heating: 16, occupied_cooling: 24, unoccupied_heating: 10, unoccupied_cooling: 30}}}}
HOSTILE_TASKS
channels:
  - {{from: board/temperature, to: thermostat.temperature, class: measurement, stale_after: 20s}}
  - {{from: thermostat.heating, to: board/setpoint, class: command, priority: 10, expiry: 10s}}
HOSTILE_CHANNELS
resources:
  board/setpoint: {{safe: 12}}
"""
# What each does on which number, and how it is reported.
HOSTILE = (
    ((-1, "loop-forever", "budget"), (666, "trap", "trap"), (1, "wild-pointer", "bad-pointer")),
    ((10, "flood-outputs", "flood"), (1000000000, "deep-recursion", "trap")),
    ((3000000000, "wild-read", "trap"), (-1, "big-frame", "trap")),
)


def policy(hostile, folder):
    tasks = "".join(f"  {name}: {{component: {name}, requires: [board]}}\n" for name in hostile)
    channels = "".join(f"  - {{from: desk/number, to: {name}.value, class: event}}\n" for name in hostile)
    return (POLICY.replace("HOSTILE_TASKS\n", tasks).replace("HOSTILE_CHANNELS\n", channels)
            .replace("FOLDER", f", {folder}" if folder.exists() else ""))


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    try:
        wait_for(lambda: {"board", "desk"} <= set(site.alive()), "board and desk registered", 30)
        yield site
    finally:
        site.close()
        sys.stdout.write(site.board.log()[-6000:])


@pytest.fixture
def board(tmp_path):
    """A board without an orchestrator, for those who speak to it themselves."""
    board = Board(tmp_path, None)
    board.start()
    try:
        wait_for(board.status, "the board up", 30)
        yield board
    finally:
        if board.process is not None:
            board.power_cut()
        sys.stdout.write(board.log()[-6000:])


def apply(site, hostile):
    """The result of `tenon apply`, whatever it is."""
    (site.folder / "policy.yaml").write_text(policy(hostile, site.folder / "modules"))
    return subprocess.run([TENON, "apply", str(site.folder / "policy.yaml"), "--orchestrator", site.orchestrator],
                          capture_output=True, text=True, timeout=30)


def neighbour_is_well(board, name="thermostat", seconds=20):
    """It goes on taking messages, was never set back, and the board was not started anew meanwhile."""
    boot = board.status()["boot"]
    before = board.task(name)["messages"]
    wait_for(lambda: board.task(name)["messages"] > before, "the neighbour goes on", seconds)
    task = board.task(name)
    assert (task["discarded"], task["restarts"], board.status()["boot"]) == (0, 0, boot)


# --- components that do harm on a message ----------------------------------------------------------------------------------


@pytest.mark.parametrize("hostile", HOSTILE, ids=("loop-trap-pointer", "flood-recursion", "read-stack"))
def test_hostile_components_are_stopped_and_reported_and_their_neighbour_goes_on(site, hostile):
    names = [name for _, name, _ in hostile]
    assert apply(site, names).returncode == 0
    wait_for(lambda: all((site.board.task(name) or {"state": ""})["state"] == "running" for name in names), "all tasks", 30)
    for number, name, error in hostile:
        site.number(number)
        wait_for(lambda: (site.board.task(name) or {}).get("discarded", 0) > 0, f"{name} set aside")
        assert site.board.task(name)["last_error"] == error
        assert f"{name}: " in site.board.log()
    neighbour_is_well(site.board)


def test_a_component_that_trapped_backs_off_runs_again_and_has_its_last_good_state(site):
    assert apply(site, ["trap"]).returncode == 0
    wait_for(lambda: (site.board.task("trap") or {"state": ""})["state"] == "running", "the task", 30)

    def port(name):  # what the task sent there last
        return site.board.get(f"p/trap/{name}", "-A", "text/plain")

    def state_is_what_the_good_messages_left():
        before = site.board.task("trap")["messages"]
        seen = int(port("count"))  # the state: the handler counts the bad ones, too, before it traps
        return before <= seen <= site.board.task("trap")["messages"]

    for good in (5, 6):
        site.number(good)
        wait_for(lambda: port("value") == str(good), "a good message")
        assert state_is_what_the_good_messages_left()
        task = site.board.task("trap")
        site.number(666)
        wait_for(lambda: site.board.task("trap")["state"] == "backing-off", "the back-off")
        site.number(good + 10)
        assert site.board.task("trap")["discarded"] > task["discarded"]
        wait_for(lambda: port("value") == str(good + 10), "a good message after the back-off")
        assert site.board.task("trap")["restarts"] > task["restarts"]
        assert state_is_what_the_good_messages_left()
    neighbour_is_well(site.board)


# --- modules that the board must not take ----------------------------------------------------------------------------------


def test_a_component_that_needs_more_memory_than_the_board_has_is_refused_by_how_much(site):
    result = apply(site, ["grow-memory"])
    assert result.returncode != 0
    assert re.search(r"'grow-memory' has no place: .*board has \d+ bytes of memory, \d+ are needed", result.stderr)


def test_a_component_that_declares_little_and_grows_its_memory_is_refused_by_the_board(site):
    module = (MODULES / "hostile/grow-memory.wasm").read_bytes()
    manifest = next(body for name, body in sections(module) if name == "tenon.manifest")
    lying = re.sub(rb"\x1a\x00\x01\x00\x00", b"\x19\x10\x00", manifest).replace(b"grow-memory", b"grow-little")
    assert len(lying) == len(manifest) - 2
    (site.folder / "modules").mkdir()
    (site.folder / "modules/grow-little.wasm").write_bytes(with_section(module, "tenon.manifest", lying))
    result = apply(site, ["grow-little"])
    assert result.returncode == 0, result.stderr
    wait_for(lambda: (site.board.task("grow-little") or {"state": ""})["state"] in ("refused", "backing-off"), "the refusal")
    assert re.search(r"grow-little: .*(takes 65536 bytes of memory|allocate memory failed|memory)", site.board.log())
    wait_for(lambda: site.board.value("board/setpoint") == 16, "the neighbour's set-point")
    neighbour_is_well(site.board)


def padded(module, size):
    """The same component in so many bytes: a custom section that nobody reads lies at its end."""
    body = b"\x03pad" + bytes(size - len(module) - 3 - 4)
    return module + b"\0" + bytes([len(body) & 127 | 128, len(body) >> 7]) + body


def test_a_module_over_the_limit_of_the_board_is_refused_and_what_runs_goes_on(site):
    assert apply(site, []).returncode == 0
    wait_for(lambda: site.board.value("board/setpoint") == 16, "the set-point")
    module = padded((MODULES / "hostile/echo.wasm").read_bytes(), 5000)
    assert len(module) == 5000
    (site.folder / "modules").mkdir(exist_ok=True)
    manifest = next(body for name, body in sections(module) if name == "tenon.manifest").replace(b"echo", b"huge")
    (site.folder / "modules/huge.wasm").write_bytes(with_section(module, "tenon.manifest", manifest))
    result = apply(site, ["huge"])
    assert result.returncode != 0
    assert "'huge' has no place" in result.stderr and "takes modules of up to 4096 bytes, this one has 5000" in result.stderr
    neighbour_is_well(site.board)


def test_a_stranger_who_puts_bad_code_and_plans_is_refused_and_harms_nothing(board):
    client = BoardClient(board.port)
    thermostat = (MODULES / "thermostat.wasm").read_bytes()
    digest = hashlib.sha256(thermostat).hexdigest()
    assert client.put_code(thermostat) == ("2.04", b"")
    assert client.put_plan({"thermostat": thermostat})[0] == "2.04"
    wait_for(lambda: board.task("thermostat")["state"] == "running", "the task")
    assert client.put_code(padded(thermostat, 5000))[0] == "4.13"
    assert client.put_code(bytes(100000))[0] == "4.13"
    assert client.put_code(thermostat[:-1], digest)[0] == "4.00"
    assert client.put_code(b"", digest)[0] == "4.00"
    assert client.put_code(thermostat, digest.upper())[0] == "4.00"
    assert client.put_code(thermostat, "../plan")[0] in ("4.00", "4.05")
    assert client.put("code/" + digest, CBOR, thermostat)[0] == "4.15"
    garbage = random.Random(7)
    for size in (1, 3, 64, 500, 1500, 2500, 4096, 5000):
        assert client.put("plan", CBOR, garbage.randbytes(size))[0].startswith("4.")
    assert client.put_plan({"thermostat": b"code that nobody put"})[0] == "4.12"
    for size in (0, 1, 4, 20, 200, 1200):  # no CoAP at all
        client.socket.send(garbage.randbytes(size))
    neighbour_is_well(board)
    assert board.status()["plan_revision"] == 1


def mutants():
    """(what it is, whether the board must refuse it, module); about forty, the same in each run."""
    trap = (MODULES / "hostile/trap.wasm").read_bytes()
    thermostat = (MODULES / "thermostat.wasm").read_bytes()
    draw = random.Random(20)
    for size in (1, 7, 8, 40, len(trap) // 2, len(trap) - 1):
        yield f"the first {size} bytes", True, trap[:size]
    for size in (1, 100, 3000):
        yield f"a header and {size} bytes of garbage", True, trap[:8] + draw.randbytes(size)
    yield "no tenon_receive", True, trap.replace(b"tenon_receive", b"tenon_deceive")
    yield "no inbox", True, trap.replace(b"tenon_inbox", b"tenon_index")
    yield "another import", True, trap.replace(b"\x04send", b"\x04mend")
    code = next(content for kind, content in sections(trap) if kind == 10)
    for name, good, bad in (("adds doubles where integers lie", b"\x6a", b"\xa0"), ("calls what is not there", b"\x10\x80\x80\x80\x80\x00", b"\x10\xff\x80\x80\x80\x00"),
                            ("takes a local that is none", b"\x20\x00", b"\x20\x7f"), ("opens blocks without an end", b"\x0b", b"\x05"),
                            ("an instruction that is none", b"\x20\x00", b"\xff\x00")):
        at = trap.index(code) + code.rindex(good)
        yield name, True, trap[:at] + bad + trap[at + len(bad):]
    for index in range(24):
        module = bytearray(trap if index % 2 == 0 else thermostat)
        begin = bytes(module).index(code) if index % 4 == 0 else 8
        for _ in range(1 + index % 3):
            module[draw.randrange(begin, len(module))] ^= 1 << draw.randrange(8)
        yield f"with bits flipped, {index}", False, bytes(module)


def test_dozens_of_mutated_modules_neither_run_wild_nor_hold_on_to_memory(board):
    client = BoardClient(board.port)
    thermostat = (MODULES / "thermostat.wasm").read_bytes()
    assert client.put_code(thermostat)[0] == "2.04"
    assert client.put_plan({"thermostat": thermostat})[0] == "2.04"
    wait_for(lambda: board.task("thermostat")["messages"] > 0, "the neighbour")
    refused = 0
    for name, must, module in mutants():
        assert client.put_code(module)[0] == "2.04", name
        assert client.put_plan({"thermostat": thermostat, "mutant": module})[0] == "2.04", name
        state = wait_for(lambda: board.task("mutant")["state"].replace("waiting", ""), name)
        assert state == "refused" or not must, f"{name}: {state}"
        refused += state == "refused"
    assert refused >= 20
    neighbour_is_well(board)
    five = {name: (MODULES / f"{name}.wasm").read_bytes() for name in
            ("demand-limiter", "fan-availability", "leak-guard", "presence-light")}
    for module in five.values():
        assert client.put_code(module)[0] == "2.04"
    assert client.put_plan({"thermostat": thermostat, **five})[0] == "2.04"
    wait_for(lambda: all(board.task(name)["state"] == "running" for name in five), "as many tasks as fit a fresh board")
    five["occupancy-schedule"] = (MODULES / "occupancy-schedule.wasm").read_bytes()
    del five["demand-limiter"]
    assert client.put_code(five["occupancy-schedule"])[0] == "2.04"
    assert client.put_plan({"thermostat": thermostat, **five})[0] == "2.04"
    wait_for(lambda: board.task("occupancy-schedule")["state"] == "running", "one in place of another on a full board")
    assert board.status()["boot"] == 1


# --- flash and configuration that are not what they should be ----------------------------------------------------------------


def layout():
    """The names and numbers of flash.h."""
    text = (ROOT / "port/freertos/flash.h").read_text()
    return {name: int(value) for name, value in re.findall(r"#define FLASH_(\w+) (\d+)u", text)}


def scribble(board, first, count, draw):
    """Garbage over these blocks."""
    size = layout()["BLOCK_SIZE"]
    with open(board.flash, "r+b") as file:
        file.seek(first * size)
        file.write(draw.randbytes(count * size))


def flip(board, first, count, draw):
    """A bit in each kilobyte of these blocks that was written."""
    size = layout()["BLOCK_SIZE"]
    with open(board.flash, "r+b") as file:
        for at in range(first * size, (first + count) * size, 1024):
            file.seek(at)
            written = [index for index, byte in enumerate(file.read(1024)) if byte not in (0x00, 0xff)]
            if written:
                at += draw.choice(written)
                file.seek(at)
                byte = file.read(1)[0]
                file.seek(at)
                file.write(bytes([byte ^ 1 << draw.randrange(8)]))


def test_a_board_with_garbage_in_its_flash_starts_and_is_given_everything_anew(site):
    assert apply(site, []).returncode == 0
    wait_for(lambda: site.board.value("board/setpoint") == 16, "the set-point")
    areas = layout()
    journal = (areas["JOURNAL_FIRST"], 2 * areas["JOURNAL_COUNT"])
    files = (areas["FILES_FIRST"], areas["FILES_COUNT"])
    draw = random.Random(30)
    for harm, area, expected in ((scribble, journal, "nothing was found in"), (flip, journal, ""), (flip, files, ""),
                                 (scribble, files, "none on disk"), (scribble, (files[0], files[1] + journal[1]), "")):
        site.board.power_cut()
        harm(site.board, *area, draw)
        log = len(site.board.log())
        site.board.start()
        wait_for(lambda: site.board.value("board/setpoint") == 16, f"the control after {harm.__name__} at {area}", 30)
        assert expected in site.board.log()[log:]
        assert "starts in a row failed" not in site.board.log()
    neighbour_is_well(site.board)


def test_a_board_that_fails_at_each_start_waits_longer_each_time_and_spares_its_flash(tmp_path):
    board = Board(tmp_path, "nowhere")  # a port that is none: the node refuses it at each start
    board.start()
    try:
        wait_for(lambda: "failed; waiting 2 s" in board.log(), "the second pause", 30)
        time.sleep(1)
        starts = board.log().count("is not an address")
        assert starts == 5, board.log()
        assert re.findall(r"(\d+) starts in a row failed; waiting (\d+) s", board.log()) == [("4", "1"), ("5", "2")]
        board.press_reset()  # the pause is not skipped
        wait_for(lambda: "failed; waiting 4 s" in board.log(), "the third pause", 30)
        board.power_cut()
        with open(board.flash, "r+b") as file:
            text = file.read(4096)
            file.seek(0)
            file.write(text.replace(b"127.0.0.1:nowhere", b"127.0.0.1:0000001"))
        board.start()
        wait_for(board.status, "the board up once its configuration is right", 20)
    finally:
        board.power_cut()
        sys.stdout.write(board.log()[-3000:])
