"""The report of the demo as one HTML file: plots by uPlot, everything inside the file, nothing fetched when it is opened."""
import datetime
import html
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
KINDS = {"linux": "a process on Linux", "mcu": "a microcontroller: {} with FreeRTOS, emulated by QEMU"}


def series(rows, point):
    """The values of a point."""
    return [row.get(point) for row in rows]


def times(rows):
    """Seconds of the building's time, as if it were UTC."""
    return [int(datetime.datetime.fromisoformat(row["time"]).replace(tzinfo=datetime.timezone.utc).timestamp()) for row in rows]


def plot(title, unit, rows, lines):
    """One plot: lines are (label, colour, dash, values)."""
    count = len(rows)  # uPlot wants columns of one length
    lines = [(label, colour, dash, (values + [None] * count)[:count]) for label, colour, dash, values in lines]
    return {"title": title, "unit": unit, "times": times(rows),
            "lines": [{"label": label, "colour": colour, "dash": dash} for label, colour, dash, _ in lines],
            "values": [values for *_, values in lines]}


def plots(run, own, quiet):
    """All plots of the report."""
    result = []
    rows = run.log.rows
    for zone in run.zones:
        result.append(plot(zone + (f", on a microcontroller ({run.machine(zone)})" if zone in run.boards else ""), "Cel", rows, [
            ("temperature", "#1a7f37", [], series(rows, f"{zone}/temperature")),
            ("heating set-point", "#cf222e", [], series(rows, f"{zone}/heating_setpoint")),
            ("cooling set-point", "#0969da", [], series(rows, f"{zone}/cooling_setpoint")),
            ("without faults", "#8250df", [6, 4], series(quiet, f"{zone}/temperature")),
            ("building's own schedules", "#9a6700", [2, 4], series(own, f"{zone}/temperature"))]))
    result.append(plot("Outdoors", "Cel", rows, [("outdoor temperature", "#0969da", [], series(rows, "outdoor/temperature"))]))

    def kilowatts(of):
        return [None if value is None else value / 1000 for value in series(of, "energy/electricity")]

    result.append(plot("Electric power", "kW", rows, [
        ("with faults", "#1a7f37", [], kilowatts(rows)), ("without faults", "#8250df", [6, 4], kilowatts(quiet)),
        ("building's own schedules", "#9a6700", [2, 4], kilowatts(own))]))
    return result


def marks(report, move_times):
    """Vertical lines: faults and moves."""
    def at(text):
        return int(datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc).timestamp())

    result = [{"time": at(fault["time"]), "text": fault["what"], "colour": "#cf222e"} for fault in report["faults"]]
    by_time = {}
    for move, time in zip(report["moves"], move_times):
        by_time.setdefault(time, []).append(move)
    for time, moves in by_time.items():
        text = f"{moves[0]['task']} moved" if len(moves) == 1 else f"{len(moves)} tasks moved"
        result.append({"time": at(time), "text": text, "colour": "#0969da"})
    return result


def table(head, rows):
    """An HTML table of texts."""
    cells = "".join(f"<th>{html.escape(str(cell))}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"


def tables(report, move_times):
    """The figures as tables."""
    runs = {"this run, with faults": report, "same policy, no faults": report["baselines"]["no_faults"],
            "building's own schedules": report["baselines"]["own_schedules"]}
    zones = list(report["comfort_violation_hours"])
    parts = ["<h2>Comfort and energy</h2>", table(
        ["run", *zones, "energy, kWh"],
        [[name, *(f"{run['comfort_violation_hours'][zone]:.2f} h" for zone in zones), f"{run['energy_kwh']:.1f}"]
         for name, run in runs.items()]),
        "<p>Occupied hours (weekdays 8-18) outside 20 to 25 Cel, with half a kelvin of tolerance.</p>",
        "<h2>Faults and what came of them</h2>",
        table(["building's time", "what"], sorted([item["time"], item["what"]] for item in report["faults"] + report["news"])),
        "<h2>Moves</h2>", table(["building's time", "task", "from", "to", "gap, ms"],
                                [[time, move["task"], move["from"], move["to"], move["gap_ms"]]
                                 for move, time in zip(report["moves"], move_times)]),
        "<h2>Nodes</h2>", table(["node", "what it is", "bytes for components", "tasks at the end"],
                                [[node["name"], KINDS.get(node["kind"], node["kind"]).format(node["machine"]), f"{node['memory']:,}",
                                  ", ".join(node["tasks"]) if node["alive"] else "dead"] for node in report["nodes"]]),
        "<h2>Messages</h2>", table(["class", "sent", "received", "dropped"],
                                   [[kind, *counts.values()] for kind, counts in report["messages"].items()])]
    return "\n".join(parts)


def write(path, libraries, title, report, plot_data, mark_data, move_times):
    """Writes the demo's page. `libraries` is the folder node_modules."""
    lost = report["control_lost"]
    verdict = "Control was kept." if not lost else "Control was lost: " + "; ".join(lost)
    page(path, libraries, title, (not lost, verdict), tables(report, move_times), plot_data, mark_data)


def page(path, libraries, title, verdict, table_html, plot_data, mark_data):
    """Writes a page of tables and plots; `verdict` is whether all is well, and the sentence for it."""
    def library(name):
        with open(os.path.join(libraries, "uplot", "dist", name), encoding="utf-8") as file:
            return file.read()

    with open(os.path.join(HERE, "report.template.html"), encoding="utf-8") as file:
        text_of_page = file.read()
    good, sentence = verdict
    data = json.dumps({"plots": plot_data, "marks": mark_data}, separators=(",", ":")).replace("</", "<\\/")
    for place, text in (("title", html.escape(title)), ("verdict", html.escape(sentence)), ("verdict_class", "good" if good else "bad"),
                        ("tables", table_html), ("uplot_css", library("uPlot.min.css")),
                        ("uplot_js", library("uPlot.iife.min.js")), ("data", data)):
        text_of_page = text_of_page.replace("{{" + place + "}}", text)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text_of_page)
