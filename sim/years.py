"""Years in the life of the five-zone office: EnergyPlus in lock-step, with faults beside a run without. `./dev sim --years 20` is this.

    years.py --sim build/release/tenon-sim --third-party build/third_party --out build/years [--years 1] [--faults lifetime] [--seed 1]

Both runs go side by side. Prints comfort, energy and what went wrong, and how far apart the two are. Exit code 1 when a law was broken,
a device was never replaced in 20 years or comfort is off by more than one per cent.
"""
import argparse
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILDING = "plant/reference/buildings/5ZoneAutoDXVAV.epJSON"
WEATHER = "plant/reference/weather/USA_IL_Chicago-OHare.Intl.AP.725300_TMY3.epw"
# A lease of five minutes: signs of life every 100 s, dead after 300 s.
PACE = ["--plant-clock", "--keepalive", "100s", "--dead-after", "300s"]


def make_plant(options, name):
    """Writes the building for one run; each has a folder of its own, for EnergyPlus writes files beside it."""
    folder = os.path.join(options.out, name)
    days = int(options.years * 365.25) + 1
    subprocess.run([sys.executable, os.path.join(ROOT, "examples/office/plant_model.py"), "--building",
                    os.path.join(options.third_party, BUILDING), "--weather", os.path.join(options.third_party, WEATHER), "--out", folder,
                    "--begin", "01-01", "--days", str(days), "--steps-per-hour", str(options.steps_per_hour), "--leap-days"],
                   check=True, stdout=subprocess.DEVNULL)
    return os.path.join(folder, "plant.json")


def start(options, faults):
    """Starts one run; returns the process and where its report goes."""
    report = os.path.join(options.out, f"{faults}.json")
    command = [options.sim, os.path.join(ROOT, "examples/office"), "--plant", make_plant(options, faults), "--years", str(options.years),
               "--faults", faults, "--seed", str(options.seed), "--progress", "--json", report, *PACE]
    return subprocess.Popen(command), report


def percent(facts):
    """Share of occupied zone hours that were comfortable."""
    return 100 * facts["zone_hours_good"] / facts["zone_hours"] if facts["zone_hours"] else float("nan")


def main():
    """The command line above."""
    parser = argparse.ArgumentParser(description="years in the life of an office")
    parser.add_argument("--sim", default="build/release/tenon-sim")
    parser.add_argument("--third-party", default="build/third_party")
    parser.add_argument("--out", default="build/years")
    parser.add_argument("--years", type=float, default=1)
    parser.add_argument("--faults", default="lifetime")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps-per-hour", type=int, default=4)
    options = parser.parse_args()
    os.makedirs(options.out, exist_ok=True)
    runs = [start(options, faults) for faults in (options.faults, "none")]
    codes = [process.wait() for process, _ in runs]
    facts, calm = [json.load(open(report, encoding="utf-8")) for _, report in runs]
    off = 100 * abs(facts["kelvin_hours"] - calm["kelvin_hours"]) / max(calm["zone_hours"], 1)
    energy = 100 * (facts["electricity_kwh"] / max(calm["electricity_kwh"], 1) - 1)
    print(f"{options.years:g} years, {facts['crashes']} ends of programs, {facts['replaced']} devices replaced, "
          f"{facts['delivered']} messages delivered in {facts['seconds']:.0f} s")
    print(f"comfortable: {percent(facts):.3f} % of occupied zone hours, {percent(calm):.3f} % without faults "
          f"({off:.4f} K further outside on average)")
    print(f"electricity: {facts['electricity_kwh']:.0f} kWh, {calm['electricity_kwh']:.0f} kWh without faults ({energy:+.2f} %)")
    same = abs(percent(facts) - percent(calm)) <= 1
    if any(codes) or not same:
        print("BROKEN: see above" if any(codes) else "BROKEN: comfort is off by more than one per cent")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
