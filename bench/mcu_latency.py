"""Event in over UDP, component, command out, on an emulated board: WebAssembly against native code.

    mcu_latency.py build/mcu build/release [--rounds N] [--check]

Two images that differ in the engine only (mcu_image.c), each on a board of its own in QEMU, get the same plan and code and are
sent events in turns (mcu_latency.c). In a first run the boards count instructions (QEMU's -icount), from the frame
that lwIP is given to the frame that it gives away, stage by stage; in a second one the host measures round trips by its clock.
With --check the exit code is 1 when a ratio of instructions is over its budget.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))
from board_rig import Board  # noqa: E402

ENGINES = ("native", "wasm")
# The input whose every message gives a command, and the ratio of instructions today, which may only shrink: leak-guard passes an
# event on as a command, thermostat computes a while with numbers, in software, for the processor has no floating point.
COMPONENTS = {"leak-guard": (2, 1.15), "thermostat": (0, 1.40)}
STAGES = ("lwIP, UDP in", "CoAP, delivery in", "engine, component", "delivery, CoAP out", "UDP, lwIP out")
AIM = 1.15  # DESIGN.md §13
# One instruction takes 16 ns of the board's time, and its counter runs at 25 MHz: 2.5 instructions a tick. At this speed the
# clock's interrupt falls into one event of a few, which a median leaves out.
ICOUNT = ("-icount", "shift=4")
INSTRUCTIONS_PER_TICK = 40 / 16
EXPLANATION = """\
what emulation tells: how many instructions the whole path takes, and what share of them is the engine's. The figures come
  out alike on every machine, but for an interrupt of the clock in some of the events.
what it cannot tell: time. QEMU has no flash wait states, no cache, no bus and no pipeline, and an instruction is not a cycle: an
  interpreter jumps and loads more than straight code does, so on a real Cortex-M the ratio of cycles is worse than that of
  instructions wherever branches and loads cost more than the average. Wall clock here is mostly QEMU's network and the host's
  scheduler, so its ratio only says that nothing else got slower."""


def start(engine, mcu, folder, options):
    folder.mkdir()
    board = Board(folder, None, machine="mps2", firmware=mcu / f"bench-{engine}.elf", options=options)
    board.start()
    return board


def wait_until_up(boards):
    deadline = time.monotonic() + 30
    while not all("the node is up" in board.log() for board in boards):
        if time.monotonic() > deadline:
            sys.exit("a board did not start:\n" + "\n".join(board.log()[-500:] for board in boards))
        time.sleep(0.1)


def run(mcu, release, rounds, options):
    """(component, engine) -> (median, 99th percentile) in microseconds, and -> the boards' own events."""
    with tempfile.TemporaryDirectory() as scratch:
        boards = [start(engine, mcu, pathlib.Path(scratch) / engine, options) for engine in ENGINES]
        try:
            wait_until_up(boards)
            result = subprocess.run([release / "bench/mcu_latency", release / "components", str(rounds),
                                     *(str(board.port) for board in boards)], capture_output=True, text=True)
            if result.returncode != 0:
                sys.exit(result.stderr + "\n".join(board.log()[-500:] for board in boards))
            time.sleep(0.2)
            logs = [board.log() for board in boards]
        finally:
            for board in boards:
                board.power_cut()
    clocks = {}
    for line in result.stdout.splitlines():
        component, board, median, late = line.split()
        clocks[component, ENGINES[int(board)]] = (float(median), float(late))
    events = {engine: [[int(word) for word in line.split()[1:]] for line in log.splitlines() if line.startswith("event ")]
              for engine, log in zip(ENGINES, logs)}
    return clocks, events


def instructions(events, component):
    """Engine -> median instructions of each stage, and of all."""
    number = COMPONENTS[component][0]
    medians = {}
    for engine, lines in events.items():
        rows = [[ticks * INSTRUCTIONS_PER_TICK for ticks in line[1:]] for line in lines if line[0] == number]
        medians[engine] = [statistics.median(column) for column in zip(*rows)] + [statistics.median(map(sum, rows))]
    return medians


def print_instructions(events, rounds):
    """True when every ratio is within its budget."""
    good = True
    for component, (_, budget) in COMPONENTS.items():
        medians = instructions(events, component)
        ratio = medians["wasm"][-1] / medians["native"][-1]
        print(f"{component}: instructions on the board, medians of {rounds} events {'native':>10}{'wasm':>10}{'ratio':>8}")
        for stage, native, wasm in zip((*STAGES, "all"), medians["native"], medians["wasm"]):
            print(f"  {stage:44}{native:10,.0f}{wasm:10,.0f}{wasm / native:8.3f}")
        print(f"  budget {budget}, aim {AIM}{'' if ratio <= budget else ': OVER THE BUDGET'}")
        good = good and ratio <= budget
    return good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mcu", type=pathlib.Path)
    parser.add_argument("release", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3000, help="of the wall clock; the instructions take a tenth of them")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    mcu, release = arguments.mcu.resolve(), arguments.release.resolve()
    counted = max(arguments.rounds // 10, 30)
    print("event in over UDP, component, command out over UDP, on the emulated board")
    _, events = run(mcu, release, counted, ICOUNT)
    good = print_instructions(events, counted)
    clocks, _ = run(mcu, release, arguments.rounds, ())
    for component in COMPONENTS:
        native, wasm = (clocks[component, engine] for engine in ENGINES)
        print(f"{component}: round trip by the host's clock, {arguments.rounds} rounds in turns: median {native[0]:.0f} us native, "
              f"{wasm[0]:.0f} us wasm, ratio {wasm[0] / native[0]:.3f} (99th percentile {native[1]:.0f}, {wasm[1]:.0f})")
    print(EXPLANATION)
    return 1 if arguments.check and not good else 0


if __name__ == "__main__":
    sys.exit(main())
