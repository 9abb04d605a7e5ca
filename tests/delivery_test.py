"""Every event once and in order, between real processes, over a network that loses, delays, reorders and parts, and through kill -9.

Numbered events go down a chain of tasks on three nodes, pulse -> first -> second; each of the two tallies counts what comes and
what comes out of its order. Beside them go a measurement (the time) and two commands from the first node to the last. All
datagrams pass tests/relay.py: it needs no rights and no kernel module, which network namespaces do. At the end the source is stopped and
everything must add up. Needs TENON_BUILD. TENON_LONG=1 parts the network for 60 s instead of 10, and goes on killing
for longer; TENON_SEED=N draws other faults.
"""
import os
import random
import resource
import signal
import statistics
import subprocess
import sys
import threading
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from relay import Faults, Relay  # noqa: E402
from system_test import ROOT, TENON, free_port, wait_for  # noqa: E402

LONG = os.environ.get("TENON_LONG") == "1"
SEED = int(os.environ.get("TENON_SEED", "7"))
NODES = ("source", "middle", "end")
# 20 % loss and up to 200 ms of jitter each way, which reorders; now and then a twin or a straggler.
ROUGH = Faults(loss=0.2, duplication=0.05, delay=(0.0, 0.2), stray=0.02)
STALE_S = 5  # of the measurement
BRIEF_S = 3  # expiry of the short-lived command

POLICY = """\
policy: chain
components: [{components}]
tasks:
  pulse: {{component: pulse, requires: [source], durability: local, set: {{burst: {burst}}}}}
  first: {{component: tally, requires: [middle], durability: {middle}}}
  second: {{component: tally, requires: [end], durability: local}}
  gauge: {{component: gauge, requires: [end]}}
channels:
  - {{from: source/tick, to: pulse.tick, class: measurement}}
  - {{from: pulse.number, to: first.number, class: event}}
  - {{from: first.onward, to: second.number, class: event}}
  - {{from: source/tick, to: gauge.value, class: measurement, stale_after: {stale}s}}
  - {{from: pulse.sent, to: source/sent, class: command, priority: 10, expiry: 1h}}
  - {{from: pulse.sent, to: end/sent, class: command, priority: 10, expiry: 1h}}
  - {{from: pulse.sent, to: end/brief, class: command, priority: 10, expiry: {brief}s}}
  - {{from: first.total, to: middle/total, class: command, priority: 10, expiry: 1h}}
  - {{from: first.wrong, to: middle/wrong, class: command, priority: 10, expiry: 1h}}
  - {{from: second.total, to: end/total, class: command, priority: 10, expiry: 1h}}
  - {{from: second.wrong, to: end/wrong, class: command, priority: 10, expiry: 1h}}
  - {{from: gauge.seen, to: end/seen, class: command, priority: 10, expiry: 1h}}
resources:
"""
ACTUATORS = {"source": ["sent"], "middle": ["total", "wrong"], "end": ["total", "wrong", "sent", "brief", "seen"]}
SUM = ("source/sent", "middle/total", "end/total", "end/sent")


class Clock(threading.Thread):
    """Writes the milliseconds of its life into the tick file, and keeps a record of what the actuators show."""

    def __init__(self, chain):
        super().__init__(daemon=True)
        self.chain = chain
        self.began = time.monotonic()
        self.ended = threading.Event()
        self.sent, self.arrived, self.ages, self.stale = [], [], [], 0
        self.observe = False  # ages of the measurement count

    def now_ms(self):
        return int((time.monotonic() - self.began) * 1000) + 1

    def tick(self):
        beside = self.chain.folder / "tick.new"
        beside.write_text(f"{self.now_ms()}\n")
        beside.rename(self.chain.folder / "tick")

    def note(self, record, value):
        """The numbers up to this value are there since now."""
        while len(record) < value:
            record.append(time.monotonic())

    def run(self):
        due = 0
        while not self.ended.wait(0.01):
            if time.monotonic() >= due:
                due = time.monotonic() + 0.1
                self.tick()
            self.note(self.sent, self.chain.number("source/sent"))
            self.note(self.arrived, self.chain.number("end/total"))
            seen = self.chain.number("end/seen")
            self.stale += self.observe and seen == -2
            if self.observe and seen > 0:
                self.ages.append((self.now_ms() - seen) / 1000)

    def latencies(self):
        return sorted(max(0.0, there - here) for here, there in zip(self.sent, self.arrived))


class Chain:
    """Three nodes and an orchestrator behind a relay."""

    def __init__(self, folder, burst, tick, middle="local"):
        self.folder = folder
        self.relay = Relay(seed=SEED)
        self.relay.__enter__()
        self.processes = {}
        self.real = {name: ("127.0.0.1", free_port()) for name in NODES + ("orchestrator",)}
        self.public = {name: self.relay.add(name, real) for name, real in self.real.items()}
        self.clock = Clock(self)
        for component in ("pulse", "tally", "gauge"):
            subprocess.run([TENON, "build", str(ROOT / "tests/delivery" / component / "component.yaml"), "-o", str(folder / "components")],
                           check=True, capture_output=True)
        for name in NODES:
            (folder / f"{name}.yaml").write_text(self.config(name, tick))
        policy = POLICY.format(components=folder / "components", burst=burst, middle=middle, stale=STALE_S, brief=BRIEF_S)
        policy += "".join(f"  {name}/{what}: {{safe: -1}}\n" for name in NODES for what in ACTUATORS[name])
        (folder / "policy.yaml").write_text(policy)

    def config(self, name, tick):
        text = (f"node: {name}\nlisten: {self.address(name)}\norchestrator: 127.0.0.1:{self.public['orchestrator'][1]}\n"
                f"data: {self.folder / ('data-' + name)}\nkeepalive: 500ms\nack_timeout: 300ms\ncapabilities: [{name}]\nresources:\n")
        for actuator in ACTUATORS[name]:
            text += f"  {name}/{actuator}: {{driver: file, path: {self.folder}/{name}-{actuator}, actuator: true}}\n"
        if name == "source":
            text += f"  source/tick: {{driver: file, path: {self.folder}/tick, interval: {tick}}}\n"
        return text

    def address(self, name):
        return "%s:%d" % self.real[name]

    def start(self, name):
        command = [TENON, "node", str(self.folder / f"{name}.yaml")]
        if name == "orchestrator":  # a node that is killed or cut off keeps its tasks: this is about delivery
            command = [TENON, "orchestrate", "--listen", self.address(name), "--data", str(self.folder / name), "--dead-after", "1h"]
        with open(self.folder / f"{name}.log", "ab") as log:
            # A write beyond a limit shall fail (SIGXFSZ stays ignored), not end the node.
            self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log, restore_signals=False)

    def kill(self, name):
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def close(self):
        if self.clock.is_alive():
            self.clock.ended.set()
            self.clock.join()
        for name in list(self.processes):
            self.kill(name)
        self.relay.close()

    def number(self, actuator):
        """What the actuator's device shows; 0 while it shows nothing."""
        try:
            return int(float((self.folder / actuator.replace("/", "-")).read_text()))
        except (FileNotFoundError, ValueError):
            return 0

    def numbers(self):
        return {f"{name}/{what}": self.number(f"{name}/{what}") for name in NODES for what in ACTUATORS[name]}

    def begin(self):
        """Everything runs and counts."""
        for name in ("orchestrator",) + NODES:
            self.start(name)
        command = [TENON, "apply", str(self.folder / "policy.yaml"), "--orchestrator", self.address("orchestrator")]

        def applied():
            done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
            (self.folder / "apply.log").write_text(done.stdout + done.stderr)
            return done.returncode == 0
        wait_for(applied, "the policy is taken: see apply.log")
        self.clock.start()
        wait_for(lambda: self.number("end/total") > 0 and self.number("end/seen") > 0, "the first event and measurement at the end")

    def finish(self, seconds):
        """Stops the source, lets all that is under way arrive, and checks the sum. Returns how many events there were."""
        (self.folder / "tick").rename(self.folder / "tick.last")
        self.clock.tick = lambda: None
        (self.folder / "tick").unlink(missing_ok=True)
        time.sleep(0.5)
        try:
            wait_for(lambda: self.number("source/sent") > 0 and len({self.number(name) for name in SUM}) == 1,
                     "everything has arrived", seconds)
        finally:
            latencies = self.clock.latencies()
            print(f"\n    {self.numbers()}\n    relay: {self.relay.summary()}")
            if latencies:
                print(f"    {len(latencies)} events over both hops: {statistics.median(latencies):.2f} s in the median, "
                      f"{latencies[len(latencies) * 95 // 100]:.2f} s at 95 %, {latencies[-1]:.2f} s at most")
        time.sleep(1)  # nothing comes after the end
        sent = self.number("source/sent")
        numbers = self.numbers()
        assert {name: numbers[name] for name in SUM} == {name: sent for name in SUM}
        assert (numbers["middle/wrong"], numbers["end/wrong"]) == (0, 0)
        return sent

    def still(self, name):
        """The number once it has stood for a second: what was under way has arrived or is lost."""
        def stands():
            before = self.number(name)
            time.sleep(1)
            return self.number(name) == before
        wait_for(stands, f"{name} stands still")
        return self.number(name)

    def rough(self, faults=ROUGH):
        for a, b in (("source", "middle"), ("middle", "end"), ("source", "end")):
            self.relay.between(a, b, faults)


@pytest.fixture
def chain(tmp_path, request):
    chain = Chain(tmp_path, *request.param)
    try:
        yield chain
    finally:
        chain.close()


@pytest.mark.parametrize("chain", [(1, "600ms")], indirect=True, ids=["calm"])
def test_loss_jitter_and_reordering_cost_no_event_and_measurements_stay_fresh(chain):
    chain.begin()
    chain.rough()
    before = chain.number("end/total")
    chain.clock.observe = True
    time.sleep(30 if LONG else 10)
    chain.clock.observe = False
    wait_for(lambda: chain.number("end/total") > before, "it goes on, if slowly")
    assert chain.finish(120) > 10
    ages = sorted(chain.clock.ages)
    print(f"    measurement at the other end: {statistics.median(ages):.2f} s old in the median, {ages[-1]:.2f} s at most")
    assert ages[-1] < STALE_S and chain.clock.stale == 0


@pytest.mark.parametrize("chain", [(1, "600ms")], indirect=True, ids=["calm"])
def test_a_partition_costs_no_event_and_what_is_old_does_not_pass_for_new(chain):
    chain.begin()
    chain.rough(Faults(loss=0.05, delay=(0.0, 0.05)))
    wait_for(lambda: chain.number("end/brief") > 0, "the short-lived command is obeyed")
    chain.relay.partition({"source"}, {"middle", "end", "orchestrator"})
    during = chain.still("middle/total")
    wait_for(lambda: chain.number("end/brief") == -1, "the command expires, the safe value stands", BRIEF_S + 3)
    wait_for(lambda: chain.number("end/seen") == -2, "the measurement goes stale", STALE_S + 3)
    time.sleep(55 if LONG else 4)
    assert chain.number("middle/total") == during
    assert (chain.number("end/brief"), chain.number("end/seen")) == (-1, -2)
    chain.relay.heal()
    wait_for(lambda: chain.number("middle/total") > during + 3, "events flow again", 120)
    wait_for(lambda: chain.number("end/seen") > 0 and chain.number("end/brief") > 0, "measurement and command are back", 60)
    chain.finish(120)


@pytest.mark.parametrize("faults, kills, between", [
    (Faults(), 15, (0.1, 0.8)),
    (Faults(loss=0.02, duplication=0.02, delay=(0.0, 0.005)), 15, (0.1, 0.8)),
    (Faults(), 40, (0.0, 0.1)),  # often before the node is up again
], ids=["fast", "lossy", "hasty"])
@pytest.mark.parametrize("chain", [(8, "10ms")], indirect=True, ids=["load"])
def test_nodes_killed_in_a_loop_under_load_lose_and_double_nothing(chain, faults, kills, between):
    chain.begin()
    chain.rough(faults)
    dice = random.Random(SEED)
    for _ in range(kills * 4 if LONG else kills):
        victim = dice.choice(NODES)
        time.sleep(dice.uniform(*between))
        chain.kill(victim)
        time.sleep(dice.uniform(0.0, between[1] / 4))
        chain.start(victim)
    assert chain.finish(120) > 100


@pytest.mark.parametrize("chain", [(4, "20ms")], indirect=True, ids=["load"])
def test_all_nodes_killed_at_once_on_a_rough_network_lose_and_double_nothing(chain):
    chain.begin()
    chain.rough()
    for _ in range(10 if LONG else 3):
        time.sleep(1.5)
        for name in NODES:
            chain.kill(name)
        for name in NODES:
            chain.start(name)
    chain.finish(180)


@pytest.mark.parametrize("killed", [False, True], ids=["room-again", "killed-while-full"])
@pytest.mark.parametrize("chain", [(4, "20ms")], indirect=True, ids=["load"])
def test_a_full_disk_holds_events_back_and_loses_none(chain, killed):
    chain.begin()
    for _ in range(4 if LONG else 1):
        before = chain.number("middle/total")
        wait_for(lambda: chain.number("middle/total") > before + 20, "events flow")
        # Not even a fresh journal has room in files of 200 bytes.
        resource.prlimit(chain.processes["middle"].pid, resource.RLIMIT_FSIZE, (200, resource.RLIM_INFINITY))
        held, seen = chain.still("end/total"), chain.number("end/seen")
        wait_for(lambda: chain.number("end/seen") > seen, "what needs no journal goes on")
        time.sleep(3)
        assert chain.number("end/total") == held
        if killed:
            chain.kill("middle")
            chain.start("middle")
        else:
            limits = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            resource.prlimit(chain.processes["middle"].pid, resource.RLIMIT_FSIZE, limits)
    wait_for(lambda: chain.number("end/total") > held + 20, "events flow again")
    chain.finish(60)


@pytest.mark.parametrize("chain", [(1, "50ms")], indirect=True, ids=["load"])
def test_a_damaged_journal_is_told_and_the_node_goes_on(chain):
    chain.begin()
    wait_for(lambda: chain.number("middle/total") > 30, "some events")
    chain.kill("middle")
    path = next(path for path in (chain.folder / "data-middle").glob("journal-*") if path.suffix == "")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    chain.start("middle")
    log = chain.folder / "middle.log"
    wait_for(lambda: "batches cannot be used; what was acknowledged" in log.read_text(), "the loss is told")
    assert (chain.folder / "data-middle" / "journal.damaged").read_bytes() == content
    total = chain.number("end/total")
    wait_for(lambda: chain.number("end/total") > total + 5, "events flow again")


@pytest.mark.parametrize("chain", [(1, "100ms", "none")], indirect=True, ids=["forgetful"])
def test_a_task_that_keeps_nothing_is_found_out(chain):
    """The canary: with durability none in the middle the sum must not come out."""
    chain.begin()
    wait_for(lambda: chain.number("middle/total") > 5, "some events")
    chain.kill("middle")
    chain.start("middle")
    wait_for(lambda: chain.number("middle/wrong") > 0, "the tally finds that it missed what it forgot")
