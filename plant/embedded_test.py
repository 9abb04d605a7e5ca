"""The building in lock-step (plant/embedded.h): the same readings, bit for bit, as itself again and as behind its socket.

Needs TENON_RIG, TENON_PLANT (the programs) and TENON_THIRD_PARTY. Prints seconds per run beside EnergyPlus alone.
"""
import datetime
import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from plant_test import BUILDING, JANUARY_14, PLANT, THIRD_PARTY, UNIX_JANUARY_14, WEATHER, Driver, folder, plant_model, started  # noqa: E402,F401

RIG = os.environ.get("TENON_RIG", os.path.join(os.path.dirname(PLANT), "plant_embedded_rig"))
WEEK_STEPS = 7 * 24 * 12
HEATING = [f"space{i}/heating_setpoint" for i in range(1, 6)]


def rig(folder, *arguments):
    done = subprocess.run([RIG, os.path.join(folder, "plant.json"), *map(str, arguments)], capture_output=True, text=True,
                          timeout=300, check=False)
    return done.returncode, done.stdout.splitlines(), done.stderr


def steps(lines, run=0):
    """[(number, time, [readings])] of a run."""
    rows = [line.split() for line in lines]
    return [(int(row[1]), int(row[2]), [float.fromhex(value) for value in row[3:]]) for row in rows if row[0] == str(run)]


def test_a_week_again_in_the_same_process_and_in_another_gives_the_same_bits(folder):  # noqa: F811
    names = plant_model.write(BUILDING, WEATHER, folder, JANUARY_14, 7)
    status, first, errors = rig(folder, "steps", "band", 2)
    assert (status, errors) == (0, "")
    readings = steps(first)
    assert [number for number, _, _ in readings] == list(range(WEEK_STEPS + 1))
    assert [time for _, time, _ in readings] == [UNIX_JANUARY_14 + 300 * i for i in range(WEEK_STEPS + 1)]
    temperature = list(names).index("space1/temperature")
    noon = [values[temperature] for number, _, values in readings if number % 288 == 144]
    assert all(20.5 < value < 25 for value in noon) and len(noon) == 7  # the controller's doing: it heats at weekends too
    strip = [line.split(" ", 1)[1] for line in first]
    assert strip[:WEEK_STEPS + 1] == strip[WEEK_STEPS + 1:]
    assert [line.split(" ", 1)[1] for line in rig(folder, "steps", "band", 1)[1]] == strip[:WEEK_STEPS + 1]


def test_a_week_behind_the_socket_gives_the_same_bits(started, folder):  # noqa: F811
    process = started(days=7, wait_for_clients=1, gate=True)
    reads = [name for name, point in plant_model.points(plant_model.load(BUILDING)).items() if "actuators" not in point]
    driver = Driver(os.path.join(folder, "s"), reads, HEATING)
    for index in range(len(HEATING)):
        driver.send([3, index, 22.5])
    driver.receive()
    driver.send([5])
    served = {}
    while (message := driver.receive()) != [4]:
        served[message[1]] = message[2:]
    process.wait(timeout=60)
    status, lines, errors = rig(folder, "steps", "warm", 1)
    assert (status, errors) == (0, "")
    names = list(plant_model.points(plant_model.load(BUILDING)))
    columns = [names.index(name) for name in reads]
    assert len(served) > WEEK_STEPS // 2  # a step that this test is too slow to take is dropped
    for number, time, values in steps(lines)[:-1]:
        if number in served:
            mine = [None if values[column] != values[column] else values[column] for column in columns]
            assert served[number] == [time, mine], number


def test_a_run_that_is_stopped_early_leaves_nothing_to_the_next(folder):  # noqa: F811
    plant_model.write(BUILDING, WEATHER, folder, JANUARY_14, 1)
    status, after_stop, errors = rig(folder, "stop", 100)
    assert (status, errors) == (0, "")
    alone = rig(folder, "steps", "band", 1)[1]
    assert len(alone) == 289
    assert [line.split(" ", 1)[1] for line in after_stop] == [line.split(" ", 1)[1] for line in alone]


def test_the_clock_goes_on_through_new_year_and_a_leap_day(folder):  # noqa: F811
    begin = datetime.date(2019, 12, 30)
    plant_model.write(BUILDING, WEATHER, folder, begin, 64, steps_per_hour=4, leap_days=True)
    status, lines, errors = rig(folder, "steps", "none", 1)
    assert (status, errors) == (0, "")
    times = [time for _, time, _ in steps(lines)]
    assert len(times) == 64 * 96 + 1 and {b - a for a, b in zip(times, times[1:])} == {900}
    assert datetime.datetime.fromtimestamp(times[-1], datetime.timezone.utc).date() == datetime.date(2020, 3, 3)


def test_a_clock_that_leaps_a_day_is_a_failure(folder):  # noqa: F811
    plant_model.write(BUILDING, WEATHER, folder, datetime.date(2020, 2, 28), 3, steps_per_hour=4)
    status, _, errors = rig(folder, "steps", "none", 1)
    assert status == 1 and "leaps by 86400 s at step 96" in errors


@pytest.mark.parametrize("change, complaint", [
    (("WeatherData", "NoSuchWeather"), "EnergyPlus ended with"),
    (("SPACE1-1", "SPACE9-1"), "the building has no variable"),
])
def test_a_building_that_cannot_run_says_why(folder, change, complaint):  # noqa: F811
    plant_model.write(BUILDING, WEATHER, folder, JANUARY_14, 1)
    path = os.path.join(folder, "plant.json")
    with open(path, encoding="utf-8") as file:
        text = file.read().replace(*change)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    status, _, errors = rig(folder, "steps", "none", 1)
    assert status == 1 and complaint in errors


def test_seconds_beside_energyplus_alone(folder):  # noqa: F811
    plant_model.write(BUILDING, WEATHER, folder, JANUARY_14, 10)
    status, lines, errors = rig(folder, "time", 1)
    assert (status, errors) == (0, "") and len(lines) == 1
    print("\n10 days of the five-zone office:", *lines, sep="\n    ")
