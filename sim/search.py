"""Searches seeds on all cores: `./dev sim --minutes N` is this.

    search.py --sim build/release/tenon-sim [--minutes 1] [--faults standard,heavy] [POLICY ...] [-- options of tenon-sim]

Prints what was tried and, for each failure, the command that repeats it. Exit code 1 when a law was broken.
"""
import argparse
import concurrent.futures
import json
import os
import random
import subprocess
import tempfile
import threading
import time


class Search:
    """What the workers share."""

    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.first if options.first else random.SystemRandom().randrange(2**32))
        self.until = time.monotonic() + options.minutes * 60
        self.lock = threading.Lock()
        self.seeds = self.delivered = 0
        self.hours = self.seconds = 0.0
        self.failures = []

    def draw(self):
        """The next run: policy, faults, seed, hours and flags."""
        with self.lock:
            return (self.random.choice(self.options.policies), self.random.choice(self.options.faults.split(",")),
                    str(self.random.randrange(1, 2**32)), str(self.random.choice([1, 2, 4, 12])),
                    ["--amnesia"] if self.random.randrange(10) == 0 else [])

    def work(self):
        """One worker: run after run until the time is over."""
        with tempfile.NamedTemporaryFile(suffix=".json") as report:
            while time.monotonic() < self.until and len(self.failures) < self.options.failures:
                policy, faults, seed, hours, flags = self.draw()
                command = [policy, "--faults", faults, "--hours", hours, "--seed", seed, *flags, *self.options.more]
                done = subprocess.run([self.options.sim, *command, "--json", report.name], capture_output=True, text=True, check=False)
                self.note(command, done, report.name)

    def note(self, command, done, report):
        """Counts a run and prints it when it failed."""
        try:
            with open(report, encoding="utf-8") as file:
                facts = json.load(file)
        except (OSError, ValueError):
            facts = {}
        with self.lock:
            self.seeds += 1
            self.hours += facts.get("simulated_hours", 0)
            self.delivered += facts.get("delivered", 0)
            self.seconds += facts.get("cpu_seconds", 0)
            if done.returncode != 0:
                why = facts.get("failure") or (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[0]
                self.failures.append(why)
                print(f"BROKEN {why}\n  replay: tenon sim {' '.join(command)} --trace", flush=True)


def main():
    """The command line above."""
    parser = argparse.ArgumentParser(description="search seeds for one that breaks a law")
    parser.add_argument("--sim", default="build/release/tenon-sim")
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--faults", default="standard,heavy")
    parser.add_argument("--first", type=int, default=0, help="of the generator of seeds; 0 for another each time")
    parser.add_argument("--failures", type=int, default=5, help="stop after so many")
    parser.add_argument("policies", nargs="*", default=["delivery", "mixed", "examples/office"])
    options, options.more = parser.parse_known_args()
    search = Search(options)
    cores = os.cpu_count() or 1
    with concurrent.futures.ThreadPoolExecutor(cores) as pool:
        for future in [pool.submit(search.work) for _ in range(cores)]:
            future.result()
    rate = search.delivered / search.seconds if search.seconds else 0
    print(f"{search.seeds} seeds, {search.hours:.0f} simulated hours, {search.delivered} messages delivered "
          f"({rate:.0f}/s on a core), {len(search.failures)} failures")
    return 1 if search.failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
