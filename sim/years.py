"""Years in the life of the five-zone office: EnergyPlus in lock-step, with faults beside a run without. `./dev sim --years 20` is this.

    years.py --sim build/release/tenon-sim --third-party build/third_party --out build/years [--years 1] [--faults lifetime] [--seed 1]

Both runs go side by side. Writes report.html into the output folder and prints comfort, energy and what went wrong, and how far apart the two are. Exit code 1 when a law was broken,
a device was never replaced in 20 years or comfort is off by more than one per cent.
"""
import argparse
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "examples/office"))
import report as report_page  # noqa: E402 (needs the path above)

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
    """Starts one run; returns the process and where its report goes, and its totals week by week."""
    report = os.path.join(options.out, f"{faults}.json")
    series = os.path.join(options.out, f"{faults}.csv")
    if os.path.exists(series):
        os.remove(series)
    command = [options.sim, os.path.join(ROOT, "examples/office"), "--plant", make_plant(options, faults), "--years", str(options.years),
               "--faults", faults, "--seed", str(options.seed), "--progress", "--json", report, "--series", series, *PACE]
    return subprocess.Popen(command), report, series


def weeks(path):
    """What happened in each week, from the totals: (time, {name: value}) rows."""
    names = ("zone_hours", "good", "kelvin_hours", "electricity", "ends", "replaced", "delivered")
    before = [0.0] * len(names)
    rows = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            time, *totals = line.split(",")
            totals = [float(total) for total in totals]
            rows.append((int(time), dict(zip(names, [now - then for now, then in zip(totals, before)]))))
            before = totals
    return rows


def plot(title, unit, runs, value):
    """One plot with a line for each run: (label, colour, dash, rows)."""
    count = min(len(rows) for *_, rows in runs)
    return {"title": title, "unit": unit, "times": [time for time, _ in runs[0][3][:count]],
            "lines": [{"label": label, "colour": colour, "dash": dash} for label, colour, dash, _ in runs],
            "values": [[value(row) for _, row in rows[:count]] for *_, rows in runs]}


def write_page(options, facts, calm, series, sentence, good):
    """The report of the years, in the form of the demo's."""
    runs = [(f"faults {options.faults}", "#1a7f37", [], weeks(series[0])), ("without faults", "#8250df", [6, 4], weeks(series[1]))]
    plots = [plot("Comfortable, of occupied zone hours, each week", "%", runs,
                  lambda row: 100 * row["good"] / row["zone_hours"] if row["zone_hours"] else None),
             plot("Outside the comfort band, each week", "K h", runs, lambda row: row["kelvin_hours"]),
             plot("Electricity, each week", "kWh", runs, lambda row: row["electricity"]),
             plot("Ends of programs, each week", "", runs[:1], lambda row: row["ends"]),
             plot("Messages delivered, each week", "thousand", runs, lambda row: row["delivered"] / 1000)]
    marks = []
    for time, row in runs[0][3]:
        if row["replaced"] and options.years <= 2:  # over decades there would be more lines than plot
            marks.append({"time": time, "text": "replaced", "colour": "#cf222e"})
    table = report_page.table(
        ["run", "comfortable", "outside, K h", "electricity, kWh", "ends of programs", "devices replaced", "messages delivered"],
        [[name, f"{percent(run):.3f} %", f"{run['kelvin_hours']:.0f}", f"{run['electricity_kwh']:.0f}", run["crashes"], run["replaced"],
          run["delivered"]] for name, run in ((f"faults {options.faults}", facts), ("without faults", calm))])
    path = os.path.join(options.out, "report.html")
    report_page.page(path, os.path.join(options.third_party, "npm", "node_modules"), "A year in the life of an office" if options.years == 1 else f"{options.years:g} years in the life of an office",
                     (good, sentence), table, plots, marks)
    print(f"report: {path}")


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
    codes = [process.wait() for process, *_ in runs]
    facts, calm = [json.load(open(report, encoding="utf-8")) for _, report, _ in runs]
    off = 100 * abs(facts["kelvin_hours"] - calm["kelvin_hours"]) / max(calm["zone_hours"], 1)
    energy = 100 * (facts["electricity_kwh"] / max(calm["electricity_kwh"], 1) - 1)
    print(f"{options.years:g} years, {facts['crashes']} ends of programs, {facts['replaced']} devices replaced, "
          f"{facts['delivered']} messages delivered in {facts['seconds']:.0f} s")
    print(f"comfortable: {percent(facts):.3f} % of occupied zone hours, {percent(calm):.3f} % without faults "
          f"({off:.4f} K further outside on average)")
    print(f"electricity: {facts['electricity_kwh']:.0f} kWh, {calm['electricity_kwh']:.0f} kWh without faults ({energy:+.2f} %)")
    same = abs(percent(facts) - percent(calm)) <= 1
    kept = options.years >= 20 and options.faults != "none" and facts["never_replaced"] > 0
    sentence = ("BROKEN: a law was broken, see the output" if any(codes) else
                "BROKEN: comfort is off by more than one per cent" if not same else
                f"BROKEN: {facts['never_replaced']} devices were never replaced" if kept else
                "Every law held, and comfort is within one per cent of the run without faults.")
    good = not any(codes) and same and not kept
    write_page(options, facts, calm, [series for *_, series in runs], sentence, good)
    if not good:
        print(sentence)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
