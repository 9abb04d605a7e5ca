"""One complete run of the office: a plant, an orchestrator and nodes, as processes on loopback, from files in one folder; the
nodes of some zones may be emulated microcontrollers (board.py).

Nothing here knows the story that demo.py plays. Every process is started in a session of its own, logged to a file, and killed by its
own process id when the run is closed, or by the kernel when this program dies first. Standard library only.
"""
import contextlib
import ctypes
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import board
import plant_model

CLASSES = ("measurement", "event", "command")
COUNTS = ("sent", "received", "dropped")
BUILDING_ZONES_MAX = 6  # zones that night-purge, fan-availability and comfort-report have ports for
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


class RunError(Exception):
    """A sentence that says what failed, and where to look."""


def die_with_parent():
    """In the child: be killed when the program that started it dies."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_ports(count):
    """UDP ports of loopback that nobody uses now."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


class Programs:
    """The programs of a build."""

    def __init__(self, build, firmware=None):
        """`firmware`: the folder that the boards' builds are in, when there are boards."""
        self.tenon = self.find(build, "tenon", ("", "cli"))
        self.plant = self.find(build, "tenon-plant", ("plant", ""))
        self.components = os.path.abspath(os.path.join(build, "components"))
        self.firmware = firmware and os.path.abspath(firmware)
        if firmware and board.missing(self.firmware):
            raise RunError(board.missing(self.firmware))

    @staticmethod
    def find(build, name, folders):
        """Where the program is in the build folder."""
        for folder in folders:
            path = os.path.abspath(os.path.join(build, folder, name))
            if os.access(path, os.X_OK):
                return path
        raise RunError(f"there is no program '{name}' in {build}: run ./dev build first")


class Process:
    """A process with its log, that may be killed and started again."""

    def __init__(self, name, command, log):
        self.name, self.command, self.log = name, command, log
        self.popen = None
        self.expected_dead = False

    def start(self):
        """Starts it; its output is added to the log."""
        with open(self.log, "ab") as log:
            self.popen = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                          preexec_fn=die_with_parent)
        self.expected_dead = False

    def died(self):
        """The exit status of a process that should be running, else None."""
        return None if self.popen is None or self.expected_dead else self.popen.poll()

    def kill(self):
        """SIGKILL, as a power cut would."""
        self.expected_dead = True
        if self.popen is not None and self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()

    def last_words(self):
        """The end of its log, for a message."""
        try:
            with open(self.log, encoding="utf-8", errors="replace") as file:
                return " | ".join(file.read().strip().splitlines()[-3:])
        except OSError:
            return ""


class Log:
    """Follows the plant's CSV log while it grows."""

    def __init__(self, path):
        self.path, self.rest, self.columns, self.rows = path, "", None, []
        self.file = None

    def read_on(self):
        """Takes in what is new; returns the new rows."""
        if self.file is None:
            if not os.path.exists(self.path):
                return []
            self.file = open(self.path, encoding="utf-8")
        lines = (self.rest + self.file.read()).split("\n")
        self.rest = lines.pop()
        new = []
        for line in lines:
            cells = line.split(",")
            if self.columns is None:
                self.columns = cells
                continue
            row = dict(zip(self.columns, cells))
            new.append({key: row[key] if key == "time" else (float(row[key]) if row[key] else None) for key in self.columns})
        self.rows += new
        return new

    def close(self):
        """Closes the file."""
        if self.file is not None:
            self.file.close()


def resource(point, *, actuator=False, quantity="", unit="", minimum=0, maximum=0, resolution=None):
    """One line of a node's configuration."""
    parts = ["driver: plant", f"point: {point}", f"unit: {unit}", f"range: [{minimum}, {maximum}]"]
    if quantity:
        parts.append(f"quantity: {quantity}")
    if actuator:
        parts.append("actuator: true")
    if resolution is not None:
        parts.append(f"resolution: {resolution}")
    return f"  {point}: {{{', '.join(parts)}}}"


def zone_resources(zone, line=resource):
    """What a zone's node offers; `line` writes one resource."""
    return [
        line(f"{zone}/temperature", quantity="Zone_Air_Temperature_Sensor", unit="Cel", minimum=-40, maximum=80, resolution=0.01),
        line(f"{zone}/heating_setpoint", actuator=True, quantity="Zone_Air_Heating_Temperature_Setpoint", unit="Cel", minimum=5,
             maximum=40),
        line(f"{zone}/cooling_setpoint", actuator=True, quantity="Zone_Air_Cooling_Temperature_Setpoint", unit="Cel", minimum=5,
             maximum=50)]


def plantroom_resources(points, with_fan):
    """What the plant room's node offers."""
    lines = [
        resource("outdoor/temperature", quantity="Outside_Air_Temperature_Sensor", unit="Cel", minimum=-60, maximum=60, resolution=0.1),
        resource("sky/direct_solar", quantity="Solar_Radiance_Sensor", unit="W/m2", minimum=0, maximum=1500, resolution=1),
        resource("energy/electricity", quantity="Electrical_Power_Sensor", unit="W", minimum=0, maximum=100000000, resolution=1)]
    if "energy/gas" in points:
        lines.append(resource("energy/gas", quantity="Power_Sensor", unit="W", minimum=0, maximum=100000000, resolution=1))
    if with_fan:
        lines.append(resource("fan/availability", actuator=True, quantity="Enable_Command", unit="/", minimum=0, maximum=1,
                              resolution=1))
    return lines


def policy_text(template, zones, components, with_fan, limit_power=None):
    """The policy for these zones: the lines of the template that name space1 are the pattern for every zone."""
    zones = list(zones)
    lines = []
    skipping = False
    for line in template.splitlines():
        skipping = skipping and line.startswith("    ")
        if not with_fan and re.match(r"  fan-availability:", line):
            skipping = True
        fan_line = "fan-availability" in line or "fan/availability" in line
        if skipping or (fan_line and not with_fan and "night-purge.occupied" not in line):
            continue
        if not with_fan:
            line = line.replace(", fan-availability.occupied", "")
        if line.startswith("each:"):
            line = f"each: {{zone: [{', '.join(zones)}]}}"
        elif line.startswith("components:"):
            line = f"components: [{json.dumps(components)}]"
        elif limit_power is not None:
            line = re.sub(r"limit_power: [0-9]+, band: [0-9]+", f"limit_power: {limit_power:.0f}, band: {limit_power / 5:.0f}", line)
            # An hour of warm-up is enough for the light five-zone office; of another building nothing is known.
            line = re.sub(r"longest_start: [0-9]+", "longest_start: 180", line)
        if re.search(r"\bspace[2-9]\b", line) and not line.startswith("each:"):
            continue
        if re.search(r"\bspace1\b", line) and not line.startswith("each:"):
            for number, zone in enumerate(zones[:BUILDING_ZONES_MAX], 1):
                lines.append(re.sub(r"\.([a-z]+)1\b", rf".\g<1>{number}", re.sub(r"\bspace1\b", zone, line)))
            continue
        lines.append(line)
    return "\n".join(lines) + "\n"


class Run:
    """The processes of one run. Call start(), then poll() again and again, then close()."""

    def __init__(self, name, folder, programs, options):
        self.name, self.folder, self.programs, self.options = name, os.path.abspath(folder), programs, options
        self.logs = os.path.join(self.folder, "logs")
        self.sockets = tempfile.mkdtemp(prefix="tenon-")  # Unix socket paths must be short
        self.socket, self.serial = os.path.join(self.sockets, "plant"), os.path.join(self.sockets, "serial")
        self.points, self.zones, self.processes, self.addresses = {}, [], {}, {}
        self.boards = {}  # {zone whose node is a microcontroller: which one}, of board.MACHINES in turn
        self.with_fan = False
        self.log = Log(os.path.join(self.folder, "plant.csv"))
        self.lock = threading.Lock()
        self.asking_boards = threading.Lock()  # a board has memory for one long answer at a time
        self.node_status, self.orchestrator_status = {}, None  # newest seen
        self.past = []  # counts of messages of nodes that have started anew
        self.polling = threading.Event()
        self.poller = None

    # --- files -------------------------------------------------------------------------------------------------------------

    def write_files(self, policy_template, limit_power=None):
        """Writes everything that the processes read."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.logs)
        options = self.options
        names = plant_model.zone_names(plant_model.load(options.building))
        self.zones = list(names)
        self.boards = dict(zip(self.zones[:options.mcu], itertools.cycle(board.MACHINES)))
        self.points = plant_model.write(
            options.building, options.weather, self.folder, options.begin_date, options.days, steps_per_hour=options.steps_per_hour,
            seconds_per_day=options.seconds_per_day, wait_for_clients=len(self.zones) + 1, gate=True, socket=self.socket,
            serial=self.serial if self.boards else None)
        # With more zones than fan-availability has ports, the fan stays with the building's own control.
        self.with_fan = "fan/availability" in self.points and len(self.zones) <= BUILDING_ZONES_MAX
        nodes = [*self.zones, "plantroom", "gateway"]
        ports = free_ports(len(nodes) + 1)
        self.addresses = {name: f"127.0.0.1:{port}" for name, port in zip(["orchestrator", *nodes], ports)}
        for node in nodes:
            if node in self.boards:
                board.write_flash(self.flash(node), node, self.addresses["orchestrator"], "capability zone", "keepalive_ms 200",
                                  "clock plant", *zone_resources(node, board.resource))
            else:
                self.write_node(node)
        with open(os.path.join(self.folder, "policy.yaml"), "w", encoding="utf-8") as file:
            file.write(policy_text(policy_template, self.zones, self.programs.components, self.with_fan, limit_power))

    def machine(self, node):
        """What kind of board a node is, in words; None for a process."""
        return board.MACHINES[self.boards[node]][0] if node in self.boards else None

    def flash(self, node):
        """The flash of a board."""
        return os.path.join(self.folder, f"node-{node}.flash")

    def write_node(self, node):
        """Writes the configuration of one node."""
        memory, capabilities, lines = "64KiB", "zone", []
        if node == "gateway":
            memory, capabilities = "4MiB", "supervisory"
        elif node == "plantroom":
            memory, capabilities, lines = "1MiB", "supervisory, plant", plantroom_resources(self.points, self.with_fan)
        else:
            lines = zone_resources(node)
        text = [f"node: {node}", f"listen: {self.addresses[node]}", f"orchestrator: {self.addresses['orchestrator']}",
                f"data: {json.dumps(os.path.join(self.folder, 'nodes', node))}", f"capabilities: [{capabilities}]", f"memory: {memory}",
                "keepalive: 200ms", "clock: plant", f"plant: {{socket: {json.dumps(self.socket)}}}"]
        if lines:
            text += ["resources:", *lines]
        with open(os.path.join(self.folder, f"node-{node}.yaml"), "w", encoding="utf-8") as file:
            file.write("\n".join(text) + "\n")

    # --- processes ----------------------------------------------------------------------------------------------------------

    def add(self, name, *command):
        """Starts a process of this name."""
        process = Process(name, list(command), os.path.join(self.logs, f"{name}.log"))
        self.processes[name] = process
        process.start()
        return process

    def node_command(self, node):
        """What is run for a node."""
        if node in self.boards:
            port = self.addresses[node].split(":")[1]
            return board.command(self.programs.firmware, self.boards[node], self.flash(node), port, self.serial)
        return [self.programs.tenon, "node", os.path.join(self.folder, f"node-{node}.yaml")]

    def start(self):
        """Starts everything, applies the policy and waits until every task runs; the plant stands at its gate."""
        tenon = self.programs.tenon
        plant = self.add("plant", self.programs.plant, os.path.join(self.folder, "plant.json"))
        self.wait(lambda: os.path.exists(self.socket), 30, f"the plant did not listen: {plant.last_words()}")
        self.add("orchestrator", tenon, "orchestrate", "--listen", self.addresses["orchestrator"], "--data",
                 os.path.join(self.folder, "orchestrator"), "--dead-after", "2s" if self.boards else "1s")
        for node in self.nodes():
            self.add(node, *self.node_command(node))
        self.wait(lambda: set(self.alive_nodes()) >= set(self.nodes()), 30, "not all nodes registered with the orchestrator")
        applied = subprocess.run([tenon, "apply", os.path.join(self.folder, "policy.yaml"), "--orchestrator",
                                  self.addresses["orchestrator"]], capture_output=True, text=True, timeout=60, check=False)
        with open(os.path.join(self.logs, "apply.log"), "w", encoding="utf-8") as file:
            file.write(applied.stdout + applied.stderr)
        if applied.returncode != 0:
            raise RunError(f"{self.name}: `tenon apply` refused the policy: {(applied.stderr or applied.stdout).strip()}")
        self.wait(self.all_running, 30, "not all tasks of the policy came to run")
        self.polling.set()
        self.poller = threading.Thread(target=self.poll_status, daemon=True)
        self.poller.start()

    def wait(self, done, seconds, failure):
        """Waits until done() holds."""
        deadline = time.monotonic() + seconds
        while not done():
            self.check_alive()
            if time.monotonic() > deadline:
                raise RunError(f"{self.name}: {failure} within {seconds} s; see {self.logs}")
            time.sleep(0.1)

    def open_gate(self):
        """Lets the building's time begin (plant/protocol.cddl: hello without points, then start)."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control:
            control.settimeout(10)
            control.connect(self.socket)
            control.send(bytes([0x84, 0, 1, 0x80, 0x80]))
            if control.recv(8192) != bytes([0x82, 1, 0xf6]):
                raise RunError(f"{self.name}: the plant did not let the demo in")
            control.send(bytes([0x81, 5]))
            # The plant reads it before it sees the connection close.

    def nodes(self):
        """Names of all nodes."""
        return [*self.zones, "plantroom", "gateway"]

    def cut_power(self, node):
        """Kills a node that will start again: its counts begin anew then."""
        self.processes[node].kill()
        with self.lock:
            self.past.append(self.node_status.pop(node, {}).get("messages", {}))

    def check_alive(self):
        """Raises when a process died that should not have."""
        for process in self.processes.values():
            status = process.died()
            if status is not None and not (process.name == "plant" and status == 0):
                raise RunError(f"{self.name}: {process.name} died with status {status}: {process.last_words()}; see {process.log}")

    def plant_ended(self):
        """True when the simulation is over."""
        return self.processes["plant"].popen.poll() is not None

    def close(self):
        """Kills what still runs."""
        self.polling.clear()
        if self.poller is not None:
            self.poller.join(timeout=10)
        for process in self.processes.values():
            process.kill()
        self.log.close()
        shutil.rmtree(self.sockets, ignore_errors=True)

    # --- what is seen ---------------------------------------------------------------------------------------------------------

    def ask(self, *arguments):
        """The answer of `tenon status --json`, or None."""
        try:
            done = subprocess.run([self.programs.tenon, "status", "--json", *arguments], capture_output=True, text=True, timeout=5,
                                  check=False)
            return json.loads(done.stdout) if done.returncode == 0 else None
        except (subprocess.TimeoutExpired, ValueError):
            return None

    def ask_orchestrator(self):
        """Refreshes what is known of the orchestrator; None when it does not answer."""
        status = self.ask("--orchestrator", self.addresses["orchestrator"])
        if status is not None:
            with self.lock:
                self.orchestrator_status = status
        return status

    def ask_node(self, node):
        """Refreshes what is known of a node; the counters of a dead one stay as they were last seen."""
        process = self.processes[node].popen
        with self.asking_boards if node in self.boards else contextlib.nullcontext():
            status = self.ask("--node", self.addresses[node])
        if status is not None and process is self.processes[node].popen:  # not of before a restart
            with self.lock:
                self.node_status[node] = status
        return status

    def alive_nodes(self):
        """Names of the nodes that the orchestrator sees."""
        return [node["name"] for node in (self.ask_orchestrator() or {}).get("nodes", []) if node.get("alive")]

    def all_running(self):
        """Every task of the policy runs on a node that says so."""
        return not self.not_running()

    def not_running(self):
        """The tasks of the policy that no living node runs, as texts."""
        status = self.ask_orchestrator()
        if status is None:
            return ["the orchestrator does not answer"]
        if not status.get("tasks"):
            return ["the orchestrator has no tasks"]
        running = {}
        for node in self.nodes():
            if not self.processes[node].expected_dead:
                for task in (self.ask_node(node) or {}).get("tasks", []):
                    running[task["name"], node] = task["state"]
        missing = []
        for task in status["tasks"]:
            state = running.get((task["name"], task.get("node")))
            if state != "running":
                missing.append(f"{task['name']} on {task.get('node')}: {state or 'not there'}")
        return missing

    def poll_status(self):
        """On a thread of its own: asks everybody, one after the other, about once a second."""
        while self.polling.is_set():
            began = time.monotonic()
            for name in ["orchestrator", *self.nodes()]:
                if not self.polling.is_set():
                    return
                if not self.processes[name].expected_dead:
                    if name == "orchestrator":
                        self.ask_orchestrator()
                    else:
                        self.ask_node(name)
            time.sleep(max(0.05, 1.0 - (time.monotonic() - began)))

    def messages(self):
        """Messages by class, over all nodes."""
        total = {kind: {count: 0 for count in COUNTS} for kind in CLASSES}
        with self.lock:
            for messages in [*self.past, *(status.get("messages", {}) for status in self.node_status.values())]:
                for kind in CLASSES:
                    for count in COUNTS:
                        total[kind][count] += messages.get(kind, {}).get(count, 0)
        return total

    def tasks_on(self, node):
        """The tasks that a node was last seen to run."""
        with self.lock:
            tasks = self.node_status.get(node, {}).get("tasks", [])
            return {task["name"] for task in tasks if task["state"] == "running" and not self.processes[node].expected_dead}

    def places(self):
        """{task: node}, as last seen at the nodes that live."""
        with self.lock:
            return {task["name"]: node for node, status in self.node_status.items() if not self.processes[node].expected_dead
                    for task in status.get("tasks", []) if task["state"] == "running"}
