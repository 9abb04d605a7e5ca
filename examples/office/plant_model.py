"""Makes a building of the reference package ready for tenon-plant: patches the model and names its points.

    python plant_model.py --building FILE.epJSON --weather FILE.epw --out FOLDER [--begin 01-14] [--days 3]

writes FOLDER/model.epJSON and FOLDER/plant.json (the CONFIG.json of tenon-plant) and prints the zones. demo.py uses it as a module.
Standard library only.
"""
import argparse
import datetime
import json
import os
import re
import sys

ENERGYPLUS_VERSION = "25.2"
YEAR = 2019  # a year without a leap day, as typical meteorological years have none
# Objects that only cost time (reports nobody reads), or that would make the building's clock differ from the policy's
# (daylight saving, public holidays).
DROPPED = ("Output:", "OutputControl:", "RunPeriodControl:DaylightSavingTime", "RunPeriodControl:SpecialDays")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class ModelError(Exception):
    """A sentence for the person who chose the building."""


def load(path):
    """The model as a dictionary."""
    try:
        with open(path, encoding="utf-8") as file:
            model = json.load(file)
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} is no building in epJSON: {error}") from error
    if not isinstance(model, dict) or "Zone" not in model:
        raise ModelError(f"{path} is no building in epJSON: it has no Zone")
    return model


def begin_date(text):
    """The date of "01-14" or "2019-01-14"."""
    try:
        return datetime.date.fromisoformat(text if text.count("-") == 2 else f"{YEAR}-{text}")
    except ValueError as error:
        raise ModelError(f"'{text}' is no date: write month and day as 01-14") from error


def replaced(value, old, new):
    """The value with every text `old` in it replaced."""
    if isinstance(value, dict):
        return {key: replaced(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, old, new) for item in value]
    return new if value == old else value


def patch(model, begin, days, steps_per_hour=12):
    """A copy of the model for this EnergyPlus, that runs from `begin` for so many days."""
    # Since 23.2 the mean radiant temperature of people is averaged by enclosure, not by zone.
    patched = replaced(model, "ZoneAveraged", "EnclosureAveraged")
    patched = {kind: objects for kind, objects in patched.items() if not kind.startswith(DROPPED)}
    patched["Version"] = {"Version 1": {"version_identifier": ENERGYPLUS_VERSION}}
    patched["Timestep"] = {"Timestep 1": {"number_of_timesteps_per_hour": steps_per_hour}}
    end = begin + datetime.timedelta(days=days - 1)
    patched["RunPeriod"] = {"Run Period 1": {
        "begin_year": begin.year, "begin_month": begin.month, "begin_day_of_month": begin.day,
        "end_year": end.year, "end_month": end.month, "end_day_of_month": end.day,
        "day_of_week_for_start_day": WEEKDAYS[begin.weekday()],
        "use_weather_file_daylight_saving_period": "No", "use_weather_file_holidays_and_special_days": "No",
        "use_weather_file_rain_indicators": "Yes", "use_weather_file_snow_indicators": "Yes",
        "apply_weekend_holiday_rule": "No"}}
    for control in patched.get("SimulationControl", {}).values():
        control["run_simulation_for_sizing_periods"] = "No"
        control["run_simulation_for_weather_file_run_periods"] = "Yes"
    return patched


def write_leap_weather(weather, path):
    """Writes the weather with a 29th of February, a copy of the 28th: without one, EnergyPlus leaves the day out in leap years."""
    lines = []
    day = []
    with open(weather, encoding="latin-1", newline="") as file:
        for line in file:
            fields = line.split(",")
            if fields[0] == "HOLIDAYS/DAYLIGHT SAVINGS":
                line = ",".join([fields[0], "Yes"] + fields[2:])
            elif fields[1:3] == ["2", "29"]:
                day = None
            elif fields[1:3] == ["2", "28"] and day is not None:
                day.append(",".join(fields[:2] + ["29"] + fields[3:]))
            elif fields[1:2] == ["3"] and day:
                lines += day
                day = None
            lines.append(line)
    with open(path, "w", encoding="latin-1", newline="") as file:
        file.writelines(lines)


def zone_names(model):
    """The zones that a thermostat controls: {name for Tenon: name in the model}, sorted."""
    lists = {name.lower(): [entry["zone_name"] for entry in body.get("zones", [])]
             for name, body in model.get("ZoneList", {}).items()}
    zones = set()
    for control in model.get("ZoneControl:Thermostat", {}).values():
        name = control["zone_or_zonelist_name"]
        zones.update(lists.get(name.lower(), [name]))
    if not zones:
        raise ModelError("the building has no zone with a thermostat (ZoneControl:Thermostat), so there is nothing to control")
    names = {re.sub(r"[^a-z0-9]+", "-", zone.lower()).strip("-"): zone for zone in zones}
    if len(names) != len(zones):
        raise ModelError("two zones of the building have names that differ in punctuation only")
    # SPACE1-1, SPACE2-1, ...: an ending that all share says nothing.
    endings = {re.search(r"(-[0-9]+)?$", name).group() for name in names}
    if len(endings) == 1:
        ending = endings.pop()
        shorter = {name[:len(name) - len(ending)]: zone for name, zone in names.items()}
        if len(shorter) == len(names) and all(shorter):
            names = shorter
    return dict(sorted(names.items()))


def schedule_kind(model, name):
    """The type of the schedule of this name, as actuators want it, or None."""
    for kind, objects in model.items():
        if kind.startswith("Schedule:") and name.lower() in (other.lower() for other in objects):
            return kind
    return None


def fan_schedules(model):
    """The schedules that say when the fans of the building's air loops may run: [(type, name)]."""
    wanted = set()
    in_loops = {loop.get("availability_manager_list_name", "").lower() for loop in model.get("AirLoopHVAC", {}).values()}
    for name, body in model.get("AvailabilityManagerAssignmentList", {}).items():
        if name.lower() not in in_loops:
            continue
        for manager in body.get("managers", []):
            kind = manager.get("availability_manager_object_type")
            objects = {key.lower(): value for key, value in model.get(kind, {}).items()}
            found = objects.get(manager.get("availability_manager_name", "").lower(), {})
            if kind == "AvailabilityManager:Scheduled":
                wanted.add(found.get("schedule_name"))
            elif kind == "AvailabilityManager:NightCycle":
                wanted.add(found.get("fan_schedule_name"))
    wanted.discard(None)
    schedules = [(schedule_kind(model, name), name) for name in sorted(wanted)]
    return [(kind, name) for kind, name in schedules if kind is not None]


def uses(model, word):
    """True when some value in the model is this word."""
    if isinstance(model, dict):
        return any(uses(item, word) for item in model.values())
    if isinstance(model, list):
        return any(uses(item, word) for item in model)
    return model == word


def points(model):
    """The points of the building by name, as CONFIG.json has them."""
    result = {
        "outdoor/temperature": {"variable": ["Site Outdoor Air Drybulb Temperature", "Environment"]},
        "sky/direct_solar": {"variable": ["Site Direct Solar Radiation Rate per Area", "Environment"]},
        "energy/electricity": {"meter": "Electricity:Facility"},
    }
    if uses(model, "NaturalGas"):
        result["energy/gas"] = {"meter": "NaturalGas:Facility"}
    for name, zone in zone_names(model).items():
        result[f"{name}/temperature"] = {"variable": ["Zone Mean Air Temperature", zone]}
        for side in ("heating", "cooling"):
            variable = f"Zone Thermostat {side.capitalize()} Setpoint Temperature"
            result[f"{name}/{side}_in_effect"] = {"variable": [variable, zone]}
            result[f"{name}/{side}_setpoint"] = {
                "actuators": [["Zone Temperature Control", f"{side.capitalize()} Setpoint", zone]]}
    fans = fan_schedules(model)
    if fans:
        result["fan/availability"] = {"actuators": [[kind, "Schedule Value", name] for kind, name in fans]}
    return result


def write(building, weather, folder, begin, days, *, steps_per_hour=12, seconds_per_day=0.0, wait_for_clients=0, gate=False,
          socket=None, serial=None, leap_days=False):
    """Writes model.epJSON and plant.json (and weather.epw with leap days) into the folder; returns the points."""
    model = load(building)
    os.makedirs(os.path.join(folder, "energyplus"), exist_ok=True)
    with open(os.path.join(folder, "model.epJSON"), "w", encoding="utf-8") as file:
        json.dump(patch(model, begin, days, steps_per_hour), file)
    if leap_days:
        write_leap_weather(weather, os.path.join(folder, "weather.epw"))
        weather = os.path.join(folder, "weather.epw")
    names = points(model)
    config = {
        "model": os.path.abspath(os.path.join(folder, "model.epJSON")), "weather": os.path.abspath(weather),
        "output": os.path.abspath(os.path.join(folder, "energyplus")), "log": os.path.abspath(os.path.join(folder, "plant.csv")),
        "seconds_per_day": seconds_per_day, "wait_for_clients": wait_for_clients, "gate": gate, "points": names}
    if socket is not None:
        config["socket"] = socket
    if serial is not None:
        config["serial"] = serial
    with open(os.path.join(folder, "plant.json"), "w", encoding="utf-8") as file:
        json.dump(config, file, indent=2)
    return names


def main():
    """The command line above."""
    parser = argparse.ArgumentParser(description="make a reference building ready for tenon-plant")
    parser.add_argument("--building", required=True)
    parser.add_argument("--weather", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--begin", default="01-14")
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--steps-per-hour", type=int, default=12)
    parser.add_argument("--seconds-per-day", type=float, default=0.0)
    parser.add_argument("--socket")
    parser.add_argument("--leap-days", action="store_true", help="a 29th of February for runs of many years")
    arguments = parser.parse_args()
    try:
        write(arguments.building, arguments.weather, arguments.out, begin_date(arguments.begin), arguments.days,
              steps_per_hour=arguments.steps_per_hour, seconds_per_day=arguments.seconds_per_day, socket=arguments.socket,
              leap_days=arguments.leap_days)
        for name, zone in zone_names(load(arguments.building)).items():
            print(f"{name}\t{zone}")
    except ModelError as error:
        sys.exit(f"plant_model.py: {error}")


if __name__ == "__main__":
    main()
