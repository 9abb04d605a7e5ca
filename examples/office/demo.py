"""The demo: a real office building under the control of Tenon, with faults, and what came of it.

    python examples/office/demo.py --build build/release --out build/demo [--headless] [--seconds-per-day 10] [--days 3]
        [--begin 01-14] [--building FILE.epJSON] [--weather FILE.epw] [--kill-node gateway] [--mcu [ZONES]]

Three runs over the same days and weather: the building's own schedules (as fast as it goes), then, side by side, the policy without
faults and the policy with them. Day 1 is normal; on day 2 the orchestrator is killed at noon and comes back at five; on day 3 at ten
the node that runs the building-wide tasks is killed. With --mcu the nodes of the first two zones (or of so many) are emulated
microcontrollers, a Cortex-M3 and a RISC-V in turn: in the night to day 2 the first loses power for seven hours, and at two in the
afternoon, while the orchestrator is dead, the last is switched off and on. Writes OUT/report.html, OUT/report.json and OUT/logs/.
Exits with 0 when control was kept, 1 when it was lost or something failed, with the reason. Standard library only.
"""
import argparse
import datetime
import json
import os
import signal
import subprocess
import sys
import time

import figures
import office_run
import plant_model
import report as report_page
from office_run import RunError
from view import View

HERE = os.path.dirname(os.path.abspath(__file__))
DEFAULT_BUILDING = "5ZoneAutoDXVAV.epJSON"
DEFAULT_WEATHER = "USA_CO_Golden-NREL.724666_TMY3.epw"
# Building's time of the story: (day, hour).
ORCHESTRATOR_DIES, ORCHESTRATOR_RETURNS, NODE_DIES = (2, 12), (2, 17), (3, 10)
BOARD_DIES, BOARD_RETURNS, BOARD_CYCLED = (2, 2), (2, 9), (2, 14)
RESUMED = b"plan-applied: resumed from the disk"  # as a node logs it when it starts
# Real time of a day. A board needs a second or two to come back, and so does the orchestrator to miss it.
PACE_S, PACE_MCU_S = 10.0, 20.0
RECOVERY_S = 20  # real time for finding everything again, and for placing tasks elsewhere
REDRAW_S, TICK_S = 0.25, 0.02
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Interrupted(Exception):
    """SIGTERM or SIGINT."""


def parse_arguments():
    """The command line, with the defaults filled in."""
    parser = argparse.ArgumentParser(description="a real office building under the control of Tenon")
    parser.add_argument("--build", default="build/release", help="folder of the built programs")
    parser.add_argument("--out", default="build/demo", help="folder for report and logs")
    parser.add_argument("--third-party", help="folder that ./dev setup filled; next to the build folder by default")
    parser.add_argument("--headless", action="store_true", help="no live view")
    parser.add_argument("--seconds-per-day", type=float,
                        help=f"real time of a day of the building, {PACE_S:g}; with boards {PACE_MCU_S:g}")
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--begin", default="01-14", help="first day, month and day")
    parser.add_argument("--building", help="a building in epJSON")
    parser.add_argument("--weather", help="a weather file in EPW")
    parser.add_argument("--kill-node", default="gateway", help="node that dies on day 3, or 'none'")
    parser.add_argument("--mcu", type=int, nargs="?", const=2, default=0, metavar="ZONES",
                        help="zones whose node is an emulated microcontroller (2)")
    parser.add_argument("--firmware", help="folder of mcu/ and mcu-riscv/; that of the build folder by default")
    parser.add_argument("--steps-per-hour", type=int, default=12, choices=(4, 6, 10, 12, 15, 20, 30, 60))
    options = parser.parse_args()
    builds = os.path.dirname(os.path.abspath(options.build))
    third_party = options.third_party or os.path.join(builds, "third_party")
    options.firmware = options.firmware or builds
    options.seconds_per_day = options.seconds_per_day or (PACE_MCU_S if options.mcu else PACE_S)
    options.libraries = os.path.join(third_party, "npm", "node_modules")
    plant = os.path.join(third_party, "plant")
    options.own_policy = options.building is None
    options.building = options.building or os.path.join(plant, "reference", "buildings", DEFAULT_BUILDING)
    options.weather = options.weather or os.path.join(plant, "energyplus", "WeatherData", DEFAULT_WEATHER)
    for path in (options.building, options.weather):
        if not os.path.exists(path):
            raise RunError(f"there is no file {path}; ./dev setup fetches the reference buildings and weather")
    if options.seconds_per_day <= 0 or options.days < 1 or options.mcu < 0:
        raise RunError("--seconds-per-day, --days and --mcu must be positive")
    options.begin_date = plant_model.begin_date(options.begin)
    return options


def own_schedules(options, programs):
    """The building left to itself: rows of its log and its zones."""
    folder = os.path.join(options.out, "own_schedules")
    plant_model.write(options.building, options.weather, folder, options.begin_date, options.days,
                      steps_per_hour=options.steps_per_hour)
    done = subprocess.run([programs.plant, os.path.join(folder, "plant.json")], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RunError(f"the building did not run by its own schedules: {done.stderr.strip()}")
    log = office_run.Log(os.path.join(folder, "plant.csv"))
    log.read_on()
    log.close()
    return log.rows, list(plant_model.zone_names(plant_model.load(options.building)))


class Story:
    """Lets the faults strike when their time has come, and watches what comes of them."""

    def __init__(self, run, options):
        self.run, self.options = run, options
        self.faults, self.news, self.lost, self.moves = [], [], [], []
        self.victim_tasks = []
        self.pending = []       # (deadline, done(), sentence when done, sentence when not)
        self.clock = []         # (real unix ms, building's time)
        self.board_tasks = {}   # of each board that lost power
        self.unpowered = {}     # {zone: [(building's time from, to)]}
        steps = [(ORCHESTRATOR_DIES, self.kill_orchestrator), (ORCHESTRATOR_RETURNS, self.return_orchestrator)]
        if options.kill_node != "none":
            steps.append((NODE_DIES, self.kill_node))
        if run.boards:
            steps += [(BOARD_DIES, self.cut_power), (BOARD_RETURNS, self.return_power), (BOARD_CYCLED, self.cycle_power)]
        self.acts = [(self.at(*when), act) for when, act in sorted(steps, key=lambda step: step[0]) if when[0] <= options.days]

    def at(self, day, hour):
        """The building's time at an hour of a day of the story."""
        begin = datetime.datetime.combine(self.options.begin_date, datetime.time())
        return (begin + datetime.timedelta(days=day - 1, hours=hour)).isoformat()

    def now(self):
        """The building's time."""
        rows = self.run.log.rows
        return rows[-1]["time"] if rows else self.at(1, 0)

    def fault(self, what):
        """Notes a fault that strikes now."""
        self.faults.append({"time": self.now(), "what": what})

    def tell(self, sentence):
        """Notes what came of something."""
        self.news.append((self.now(), sentence))

    def poll(self):
        """Called again and again while the building runs."""
        self.clock.append((time.time() * 1000, self.now()))
        while self.acts and self.run.log.rows and self.now() >= self.acts[0][0]:
            self.acts.pop(0)[1]()
        for item in list(self.pending):
            deadline, done, good, bad = item
            if done():
                self.pending.remove(item)
                self.tell(good)
            elif time.monotonic() > deadline:
                self.pending.remove(item)
                self.lost.append(bad)
        with self.run.lock:
            status = self.run.orchestrator_status or {}
        seen = [dict(move, time=self.building_time(move.get("time_ms"))) for move in status.get("moves", []) if move.get("from")]
        self.moves = seen if len(seen) >= len(self.moves) else self.moves

    def building_time(self, unix_ms):
        """The building's time at a moment of real time."""
        at = self.now()
        for real, building in reversed(self.clock):
            at = building
            if unix_ms is None or real <= unix_ms:
                break
        return at

    def expect(self, done, good, bad):
        """Watches for something that must come true."""
        self.pending.append((time.monotonic() + RECOVERY_S, done, good, bad))

    def kill_orchestrator(self):
        """Day 2, noon."""
        self.run.processes["orchestrator"].kill()
        with self.run.lock:
            self.run.orchestrator_status = None
        self.fault("the orchestrator was killed")

    def return_orchestrator(self):
        """Day 2, afternoon."""
        self.run.processes["orchestrator"].start()
        self.tell("the orchestrator was started again")
        everything = set(self.run.nodes())

        def found():
            with self.run.lock:
                status = self.run.orchestrator_status or {}
            alive = {node["name"] for node in status.get("nodes", []) if node.get("alive") and node.get("confirmed", True)}
            tasks = status.get("tasks", [])
            return alive >= everything and bool(tasks) and all(task.get("state", "running") == "running" for task in tasks)

        self.expect(found, "the orchestrator found every node and every task running",
                    "the orchestrator came back and did not find every node and task")

    def kill_node(self):
        """Day 3, ten o'clock."""
        victim = self.options.kill_node
        self.run.ask_node(victim)  # its last counters
        self.victim_tasks = sorted(task for task, node in self.run.places().items() if node == victim)
        if len(self.victim_tasks) < 2:
            self.lost.append(f"the node {victim} was to be killed with at least two tasks and had {len(self.victim_tasks)}")
        self.run.processes[victim].kill()
        self.fault(f"the node {victim} was killed with {len(self.victim_tasks)} tasks")
        wanted = set(self.victim_tasks)
        self.expect(lambda: wanted <= set(self.run.places()), f"all {len(wanted)} tasks of {victim} run elsewhere",
                    f"not all tasks of the dead node {victim} came to run elsewhere")


    # --- microcontrollers ----------------------------------------------------------------------------------------------------

    def take_power(self, zone):
        """Switches a board off. Returns its tasks and its number of starts."""
        starts = (self.run.ask_node(zone) or {}).get("boot", 0)
        tasks = self.run.tasks_on(zone)
        if len(tasks) < 2:
            self.lost.append(f"the board {zone} was to lose power with at least two tasks and had {len(tasks)}")
        self.run.cut_power(zone)
        return tasks, starts

    def expect_resumed(self, zone, tasks, starts, good):
        """Watches for the board with its tasks, which it must have found in its own flash at its start."""
        log = self.run.processes[zone].log
        before = os.path.getsize(log)

        def resumed():
            with self.run.lock:
                started = self.run.node_status.get(zone, {}).get("boot", 0) > starts
            with open(log, "rb") as file:
                file.seek(before)
                return started and RESUMED in file.read() and tasks <= self.run.tasks_on(zone)

        self.expect(resumed, good, f"the board {zone} has power and does not run its {len(tasks)} tasks again")

    def cut_power(self):
        """The night to day 2: the first board."""
        zone = list(self.run.boards)[0]
        tasks, starts = self.take_power(zone)
        self.board_tasks[zone] = (tasks, starts)
        self.unpowered[zone] = [(self.now(), None)]
        self.fault(f"the board {zone} lost power with {len(tasks)} tasks")
        linux = [node for node in self.run.nodes() if node not in self.run.boards]
        self.expect(lambda: tasks <= set().union(*(self.run.tasks_on(node) for node in linux)),
                    f"all {len(tasks)} tasks of the board {zone} run on Linux nodes",
                    f"not all tasks of the board {zone} came to run on Linux nodes")

    def return_power(self):
        """Day 2, nine o'clock."""
        zone = list(self.run.boards)[0]
        tasks, starts = self.board_tasks[zone]
        self.unpowered[zone] = [(self.unpowered[zone][0][0], self.now())]
        self.tell(f"the board {zone} has power again")
        self.expect_resumed(zone, tasks, starts, f"all {len(tasks)} tasks came back to the board {zone}")
        self.run.processes[zone].start()

    def cycle_power(self):
        """Day 2, two in the afternoon, with no orchestrator: the last board, off and on."""
        zone = list(self.run.boards)[-1]
        tasks, starts = self.take_power(zone)
        self.fault(f"the board {zone} was switched off and on, with {len(tasks)} tasks")
        self.expect_resumed(zone, tasks, starts, f"the board {zone} resumed its {len(tasks)} tasks from its flash")
        self.run.processes[zone].start()

    def moves_missing(self):
        """Sentences about tasks of a board without power that the orchestrator does not report as moved, and moved back."""
        sentences = []
        for zone, (tasks, _) in self.board_tasks.items():
            for task in sorted(tasks):
                moves = [move for move in self.moves if move["task"] == task]
                away = any(move["from"] == zone and move["to"] not in self.run.boards for move in moves)
                back = any(move["to"] == zone for move in moves)
                if not away or not back:
                    sentences.append(f"{task} did not move from the board {zone} to a Linux node and back")
        return sentences


def start_both(runs, template, limit_power):
    """Starts the processes of all runs, and then all buildings together."""
    for run in runs:
        run.write_files(template, limit_power)
        run.start()
    for run in runs:
        run.open_gate()


def watch(runs, story, view):
    """Plays the story until both buildings are at their end."""
    drawn = 0.0
    last_rows = {run.name: time.monotonic() for run in runs}
    while not all(run.plant_ended() for run in runs):
        for run in runs:
            run.check_alive()
            if run.log.read_on() or run.plant_ended():
                last_rows[run.name] = time.monotonic()
            if time.monotonic() - last_rows[run.name] > 60:
                raise RunError(f"{run.name}: the building stands still; see {run.logs}")
        story.poll()
        if view is not None and time.monotonic() - drawn >= REDRAW_S:
            drawn = time.monotonic()
            view.draw(story.run, story.run.log.rows, story.faults, story.news, story.moves)
        time.sleep(TICK_S)
    for run in runs:
        run.log.read_on()
    # What was still being watched for gets its time also when the story ends early.
    while story.pending:
        story.poll()
        time.sleep(TICK_S)


def controlled_zones(run, options):
    """The zones whose node was to stay alive."""
    return [zone for zone in run.zones if zone != options.kill_node]


def reasons_lost(run, options, story, own_hours):
    """Why control was lost in this run; empty when it was kept."""
    rows, zones = run.log.rows, controlled_zones(run, options)
    reasons = []
    if figures.simulated_hours(rows) < 24 * options.days - 0.01:
        reasons.append(f"only {figures.simulated_hours(rows)} hours were simulated")
    excused = story.unpowered if story is not None else {}
    reasons += figures.released_too_long(rows, zones, excused) + figures.never_moved(rows, zones)
    hours = figures.comfort_violation_hours(rows, run.zones)
    reasons += figures.comfort_lost({"hours": hours, "zones": len(run.zones), "days": options.days}, own_hours)
    missing = run.not_running()
    if missing:
        reasons.append("tasks do not run at the end: " + "; ".join(missing))
    return [f"{run.name}: {reason}" for reason in reasons + (story.lost if story is not None else [])]


def summary(rows, zones):
    """Comfort and energy of a run."""
    return {"comfort_violation_hours": figures.comfort_violation_hours(rows, zones), "energy_kwh": figures.energy_kwh(rows)}


def node_facts(run, status):
    """What each node is, and the tasks that it runs at the end."""
    return [{"name": node["name"], "kind": node["kind"], "machine": run.machine(node["name"]), "memory": node["memory_total"],
             "alive": node["alive"],
             "tasks": sorted(task["name"] for task in status.get("tasks", []) if task.get("node") == node["name"])}
            for node in status.get("nodes", [])]


def make_report(story, quiet, own_rows, own_zones, options):
    """The JSON report."""
    run = story.run
    own = summary(own_rows, own_zones)
    final = run.ask_orchestrator() or {}
    for node in run.nodes():
        if not run.processes[node].expected_dead:
            run.ask_node(node)
    story.poll()
    lost = reasons_lost(run, options, story, own["comfort_violation_hours"])
    lost += reasons_lost(quiet, argparse.Namespace(**{**vars(options), "kill_node": "none"}), None, own["comfort_violation_hours"])
    if final:
        lost += [f"{run.name}: {sentence}" for sentence in story.moves_missing()]
    if story.victim_tasks and not story.moves and final:
        lost.append("the orchestrator reports no moves although a node died")
    return {
        "simulated_hours": figures.simulated_hours(run.log.rows),
        **summary(run.log.rows, run.zones),
        "messages": run.messages(),
        "nodes": node_facts(run, final),
        "faults": story.faults,
        "news": [{"time": time_of, "what": sentence} for time_of, sentence in story.news],
        "moves": [{key: move.get(key) for key in ("task", "from", "to", "gap_ms")} for move in story.moves],
        "baselines": {"own_schedules": own, "no_faults": summary(quiet.log.rows, quiet.zones)},
        "control_lost": lost,
    }


def tell_result(report, options):
    """The result in a few lines of text."""
    def line(name, part):
        hours = "  ".join(f"{zone} {value:.2f}" for zone, value in part["comfort_violation_hours"].items())
        print(f"{name:26} {part['energy_kwh']:9.1f} kWh   out of comfort, hours: {hours}")

    print(f"simulated {report['simulated_hours']:.0f} hours of {os.path.basename(options.building)} in {os.path.basename(options.weather)}")
    line("with faults", report)
    line("without faults", report["baselines"]["no_faults"])
    line("building's own schedules", report["baselines"]["own_schedules"])
    for kind, counts in report["messages"].items():
        print(f"{kind:12} " + "  ".join(f"{count} {value}" for count, value in counts.items()))
    boards = [f"{node['name']} ({node['machine']})" for node in report["nodes"] if node["kind"] == "mcu"]
    if boards:
        print(f"microcontrollers (emulated): {', '.join(boards)}")
    told = [(item["time"], word, item["what"]) for word, key in (("fault", "faults"), ("then", "news")) for item in report[key]]
    for time_of, word, what in sorted(told):
        print(f"{word:5}  {time_of}  {what}")
    for move in report["moves"]:
        print(f"move   {move['task']} from {move['from']} to {move['to']}, gap {move['gap_ms']} ms")
    print(f"report: {os.path.join(options.out, 'report.html')}")


def play(options):
    """All runs, and their report. Returns the exit status."""
    programs = office_run.Programs(options.build, options.firmware if options.mcu else None)
    os.makedirs(options.out, exist_ok=True)
    for name in ("report.json", "report.html"):
        if os.path.exists(os.path.join(options.out, name)):
            os.remove(os.path.join(options.out, name))
    own_rows, own_zones = own_schedules(options, programs)
    if options.kill_node not in (*own_zones, "plantroom", "gateway", "none"):
        raise RunError(f"--kill-node {options.kill_node}: the nodes are {', '.join(own_zones)}, plantroom, gateway")
    with open(os.path.join(HERE, "policy.yaml"), encoding="utf-8") as file:
        template = file.read()
    # The demand limit of the policy is for the five-zone office; another building gets one a little under its own peak.
    limit_power = None if options.own_policy else 0.85 * figures.peak_w(own_rows)
    run = office_run.Run("with faults", os.path.join(options.out, "with_faults"), programs, options)
    quiet = office_run.Run("without faults", os.path.join(options.out, "without_faults"), programs, options)
    view = None
    try:
        if options.headless:
            print("starting two buildings with all their nodes", flush=True)
        start_both([quiet, run], template, limit_power)
        story = Story(run, options)
        if not options.headless:
            title = "Tenon: an office building under control" + (", with microcontrollers" if options.mcu else "")
            view = View(title, run.zones, 24 * options.steps_per_hour * options.days,
                        options.seconds_per_day)
        watch([quiet, run], story, view)
        result = make_report(story, quiet, own_rows, own_zones, options)
    finally:
        for number in STOPPING:
            signal.signal(number, signal.SIG_IGN)  # nothing may interrupt the stopping of what was started
        if view is not None:
            view.close()
        quiet.close()
        run.close()
        gather_logs(options.out, run, quiet)
    with open(os.path.join(options.out, "report.json"), "w", encoding="utf-8") as file:
        json.dump(result, file, indent=2)
        file.write("\n")
    move_times = [move["time"] for move in story.moves]
    title = f"Tenon: {options.days} days of {os.path.splitext(os.path.basename(options.building))[0]} from {options.begin_date}"
    report_page.write(os.path.join(options.out, "report.html"), options.libraries, title, result,
                      report_page.plots(run, own_rows, quiet.log.rows), report_page.marks(result, move_times),
                      move_times)
    tell_result(result, options)
    for reason in result["control_lost"]:
        print(f"control was lost: {reason}", file=sys.stderr)
    return 1 if result["control_lost"] else 0


def gather_logs(out, *runs):
    """Links the logs of the runs under one folder."""
    folder = os.path.join(out, "logs")
    os.makedirs(folder, exist_ok=True)
    for run in runs:
        link = os.path.join(folder, os.path.basename(run.folder))
        if os.path.islink(link):
            os.remove(link)
        if not os.path.exists(link):
            os.symlink(os.path.relpath(run.logs, folder), link)


def interrupt(number, _frame):
    """Turns a signal into an exception, so that everything started is stopped on the way out."""
    raise Interrupted(signal.Signals(number).name)


def main():
    """The command line above."""
    for number in STOPPING:
        signal.signal(number, interrupt)
    try:
        return play(parse_arguments())
    except Interrupted as stop:
        print(f"demo.py: stopped by {stop}", file=sys.stderr)
        return 130
    except (RunError, plant_model.ModelError, OSError) as error:
        print(f"demo.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
