"""The live view of a run in a terminal: zones, tasks, messages, faults and moves. ANSI escapes, nothing else."""
import shutil
import sys

import figures

CLEAR_BELOW, HOME, HIDE, SHOW, ALTERNATE, NORMAL = "\x1b[J", "\x1b[H", "\x1b[?25l", "\x1b[?25h", "\x1b[?1049h", "\x1b[?1049l"
BOLD, DIM, RED, GREEN, YELLOW, BLUE, CYAN, PLAIN = ("\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[34m",
                                                   "\x1b[36m", "\x1b[0m")
LINES_OF_NEWS = 6


def number(value, width=5, digits=1):
    """A value, or a dash when there is none."""
    return " " * (width - 1) + "-" if value is None else f"{value:{width}.{digits}f}"


def zone_line(row, zone, when):
    """Temperature on a scale from 10 to 30 Cel, with the set-points."""
    value, heating, cooling = (row.get(f"{zone}/{point}") for point in ("temperature", "heating_setpoint", "cooling_setpoint"))
    scale = ["·"] * 41

    def put(at, mark):
        if at is not None:
            scale[min(40, max(0, round((at - 10) * 2)))] = mark

    put(heating, f"{RED}[{PLAIN}")
    put(cooling, f"{BLUE}]{PLAIN}")
    inside = value is not None and figures.COMFORT_LOW - figures.TOLERANCE_K <= value <= figures.COMFORT_HIGH + figures.TOLERANCE_K
    colour = GREEN if inside else RED if figures.occupied(when) else DIM
    put(value, f"{BOLD}{colour}●{PLAIN}")
    return (f" {zone[:22]:22} {colour}{number(value)}{PLAIN} Cel  10 {''.join(scale)} 30   "
            f"heat {number(heating)}  cool {number(cooling)}")


class View:
    """Draws until closed. Takes the whole screen, and gives it back."""

    def __init__(self, title, zones, steps, speed):
        self.title, self.zones, self.steps, self.speed = title, zones, steps, speed
        sys.stdout.write(ALTERNATE + HIDE)

    def close(self):
        """Restores the screen."""
        sys.stdout.write(SHOW + NORMAL)
        sys.stdout.flush()

    def draw(self, run, rows, faults, news, moves):
        """One picture. `news` are (building's time, sentence)."""
        size = shutil.get_terminal_size((110, 45))
        lines = self.head(rows)
        if rows:
            when = figures.moment(rows[-1])
            lines += [zone_line(rows[-1], zone, when) for zone in self.zones[:max(5, size.lines - 30)]]
        lines += ["", *self.tasks(run, size.columns), "", *self.messages(run), ""]
        lines.append(f"{BOLD} Faults and what came of them{PLAIN}")
        texts = [(time, f"{YELLOW}{what}{PLAIN}") for time, what in news]
        texts += [(fault["time"], f"{RED}{BOLD}{fault['what']}{PLAIN}") for fault in faults]
        texts += [(move["time"], f"{CYAN}{move['task']} moved from {move['from']} to {move['to']}{PLAIN}") for move in moves]
        lines += [f"  {time.replace('T', ' ')[:16]}  {text}" for time, text in sorted(texts)[-LINES_OF_NEWS - len(moves):]]
        body = "\x1b[K\r\n".join(lines[:size.lines - 1])
        sys.stdout.write(HOME + body + "\x1b[K" + CLEAR_BELOW)
        sys.stdout.flush()

    def head(self, rows):
        """Title, time, weather and power, progress."""
        done = min(1.0, len(rows) / self.steps) if self.steps else 0.0
        bar = "█" * round(50 * done) + "░" * (50 - round(50 * done))
        row = rows[-1] if rows else {"time": "before the first step"}
        when = figures.moment(rows[-1]).strftime("%A %d %B %H:%M") if rows else row["time"]
        people = "occupied" if rows and figures.occupied(figures.moment(rows[-1])) else "empty"
        power = row.get("energy/electricity")
        fan = row.get("fan/availability")
        return [f"{BOLD} {self.title}{PLAIN}   {DIM}a day in {self.speed:g} s{PLAIN}", f" {bar} {100 * done:3.0f} %", "",
                f" {BOLD}{when}{PLAIN}  {people}   outdoors {number(row.get('outdoor/temperature'))} Cel   sun "
                f"{number(row.get('sky/direct_solar'), 4, 0)} W/m2   power {number(None if power is None else power / 1000)} kW   fan "
                f"{'-' if fan is None else 'on' if fan else 'off'}", ""]

    def tasks(self, run, columns):
        """Which node runs which task."""
        by_node = {}
        for task, node in run.places().items():
            by_node.setdefault(node, []).append(task)
        lines = [f"{BOLD} Tasks and where they run{PLAIN}"]
        orchestrator_dead = run.processes["orchestrator"].expected_dead
        state = f"{RED}dead{PLAIN}" if orchestrator_dead else f"{GREEN}there{PLAIN}"
        lines.append(f"  {'orchestrator':14} {state}")
        width = 14 if not run.boards else 24
        for node in ["gateway", "plantroom", *self.zones]:
            is_board = node in run.boards
            dead = f"{RED}{'no power' if is_board else 'dead'}{PLAIN}" if run.processes[node].expected_dead else None
            text = ", ".join(sorted(by_node.get(node, []))) or "-"
            room = max(20, columns - width - 6)
            word = run.machine(node) or ""
            name = f"{node[:14]} {CYAN}{word}{PLAIN}{' ' * (width - 1 - len(word) - len(node[:14]))}"
            lines.append(f"  {name} {dead or (text if len(text) <= room else text[:room - 1] + '…')}")
        return lines

    @staticmethod
    def messages(run):
        """Counts by class."""
        lines = [f"{BOLD} Messages{PLAIN}            sent   received    dropped"]
        for kind, counts in run.messages().items():
            lines.append(f"  {kind:12} {counts['sent']:10} {counts['received']:10} {counts['dropped']:10}")
        return lines
