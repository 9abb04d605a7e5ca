"""What the runs are judged by: comfort, energy and control, the same code for every run. Works on the rows of a plant's log."""
import datetime

# Occupied: weekdays from 8 to 18. Comfortable: 20 to 25 Cel, with a tolerance of half a kelvin for sensor and controller.
OCCUPIED_FROM_H, OCCUPIED_TO_H = 8, 18
COMFORT_LOW, COMFORT_HIGH, TOLERANCE_K = 20.0, 25.0, 0.5
# Control counts as lost when comfort is worse than under the building's own schedules by this much per zone and day ...
MARGIN_H_PER_ZONE_DAY = 0.1
# ... or when an actuator was left to the building for so long at a stretch, after the first hour.
RELEASED_H_MAX = 2.0


def moment(row):
    """The building's time at the beginning of the row's step."""
    return datetime.datetime.fromisoformat(row["time"])


def step_hours(rows):
    """Length of a step."""
    return (moment(rows[1]) - moment(rows[0])).total_seconds() / 3600 if len(rows) > 1 else 0.0


def occupied(when):
    """People are there."""
    return when.weekday() < 5 and OCCUPIED_FROM_H <= when.hour < OCCUPIED_TO_H


def comfort_violation_hours(rows, zones):
    """Occupied hours outside the comfort band, by zone. A missing temperature counts as outside."""
    hours = dict.fromkeys(zones, 0.0)
    length = step_hours(rows)
    for row in rows[:-1]:
        if occupied(moment(row)):
            for zone in zones:
                value = row[f"{zone}/temperature"]
                if value is None or not COMFORT_LOW - TOLERANCE_K <= value <= COMFORT_HIGH + TOLERANCE_K:
                    hours[zone] += length
    return {zone: round(value, 3) for zone, value in hours.items()}


def energy_kwh(rows):
    """Electricity and gas of the whole building. A row carries the mean power of the step before it."""
    watts = sum((row.get("energy/electricity") or 0.0) + (row.get("energy/gas") or 0.0) for row in rows)
    return round(watts * step_hours(rows) / 1000, 3)


def simulated_hours(rows):
    """Building time from the first row to the last."""
    return round((moment(rows[-1]) - moment(rows[0])).total_seconds() / 3600, 3) if rows else 0.0


def peak_w(rows):
    """The highest electric power of a step."""
    return max((row.get("energy/electricity") or 0.0 for row in rows), default=0.0)


def actuators(zones):
    """The set-points that must stay under control."""
    return [f"{zone}/{side}_setpoint" for zone in zones for side in ("heating", "cooling")]


def released_too_long(rows, zones, excused=None):
    """Sentences about set-points that nobody commanded for long. `excused`: {zone: [(from, to)]}, when its node had no power."""
    length = step_hours(rows)
    sentences = []
    for point in actuators(zones):
        longest = now = 0.0
        unpowered = (excused or {}).get(point.split("/")[0], [])
        for row in rows[:-1]:
            after_first_hour = moment(row) - moment(rows[0]) >= datetime.timedelta(hours=1)
            powered = not any(begin <= row["time"] and (end is None or row["time"] <= end) for begin, end in unpowered)
            now = now + length if row[point] is None and after_first_hour and powered else 0.0
            longest = max(longest, now)
        if longest > RELEASED_H_MAX:
            sentences.append(f"no command reached {point} for {longest:.1f} hours of the building's time")
    return sentences


def never_moved(rows, zones):
    """Sentences about heating set-points that stood still on a day with occupied and empty hours: nobody governed them."""
    sentences = []
    days = {}
    for row in rows[:-1]:
        days.setdefault(moment(row).date(), []).append(row)
    for day, day_rows in days.items():
        if len({occupied(moment(row)) for row in day_rows}) < 2:
            continue
        for zone in zones:
            values = {row[f"{zone}/heating_setpoint"] for row in day_rows} - {None}
            if len(values) < 2:
                sentences.append(f"{zone}/heating_setpoint stood still all of {day}")
    return sentences


def comfort_lost(violations, own):
    """A sentence when the comfort of a run is clearly worse than under the building's own schedules."""
    zones, days = violations["zones"], violations["days"]
    total, own_total = sum(violations["hours"].values()), sum(own.values())
    margin = MARGIN_H_PER_ZONE_DAY * zones * days
    if total <= own_total + margin:
        return []
    return [f"zones were out of comfort for {total:.2f} occupied hours; under the building's own schedules {own_total:.2f}, "
            f"and {margin:.2f} more would be accepted"]
