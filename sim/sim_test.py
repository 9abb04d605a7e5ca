"""The simulator itself: runs repeat exactly, checkers see what they are for, the product stands fixed and fresh seeds.

Run by CTest with TENON_SIM set to the program. Each failing run prints the command that repeats it.
"""

import concurrent.futures
import os
import pathlib
import random
import re
import shutil
import subprocess

import pytest

SIM = os.environ["TENON_SIM"]
FRESH = [random.SystemRandom().randrange(1, 2**32) for _ in range(6)]


def run(*arguments):
    """Exit code and output of one run."""
    done = subprocess.run([SIM, *arguments], capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


def trace_hash(output):
    """The hash of the trace that a run prints."""
    return re.search(r"hash ([0-9a-f]{16})", output).group(1)


def good(*arguments):
    """Output of a run that must keep every law."""
    code, output = run(*arguments)
    assert code == 0, output
    return output


@pytest.mark.parametrize("seed", ["11", "25"])  # in the second the orchestrator's disk is full, and its log names the folder
def test_the_same_seed_twice_gives_the_same_trace_and_another_seed_another(seed):
    hashes = [trace_hash(good("delivery", "--faults", "heavy", "--hours", "1", "--seed", each)) for each in (seed, seed, "12")]
    assert hashes[0] == hashes[1]
    assert hashes[0] != hashes[2]


def test_a_policy_brings_its_own_components(tmp_path):
    ours = pathlib.Path(SIM).parent / "components" / "testing"
    shutil.copytree(ours, tmp_path / "mine", ignore=lambda _, names: [name for name in names if not name.endswith(".wasm")])
    scenario = (pathlib.Path(__file__).parent / "scenarios" / "delivery.yaml").read_text()
    policy = tmp_path / "policy.yaml"
    policy.write_text(scenario + "components: [mine]\n")
    good(str(policy), "--minutes", "20", "--components", str(tmp_path / "none"))
    policy.write_text(scenario)
    code, output = run(str(policy), "--minutes", "20", "--components", str(tmp_path / "none"))
    assert code == 2
    assert "no component sequencer in the folders that the policy names" in output


@pytest.mark.parametrize("faults, seeds", [("none", range(1, 3)), ("light", range(1, 9)), ("standard", range(1, 25)), ("heavy", range(1, 25))])
def test_no_law_is_broken_on_fixed_seeds(faults, seeds):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda seed: good("delivery", "--faults", faults, "--hours", "2", "--seed", str(seed)), seeds))


def test_power_fails_in_the_midst_of_programs_and_erases_of_flash():
    found = re.search(r"flash of 3 boards: (\d+) torn programs, (\d+) torn erases", good("delivery", "--faults", "heavy", "--hours", "2", "--seed", "2"))
    assert int(found.group(1)) >= 20
    assert int(found.group(2)) >= 20


def test_any_node_may_be_a_board():
    output = good("mixed", "--faults", "heavy", "--hours", "2", "--seed", "3", "--boards", "space")
    assert "flash of 3 boards" in output


@pytest.mark.parametrize("faults", ["standard", "heavy"])
def test_no_law_is_broken_on_fresh_seeds(faults):
    print("fresh seeds:", *FRESH)
    for seed in FRESH:
        good("delivery", "--faults", faults, "--hours", "2", "--seed", str(seed))


def test_a_whole_office_keeps_every_law():
    office = os.path.join(os.path.dirname(__file__), "..", "examples", "office")
    for seed in ("1", str(FRESH[0])):
        good(office, "--faults", "standard", "--hours", "8", "--seed", seed)


@pytest.mark.parametrize("faults", ["none", "heavy"])
def test_components_do_not_notice_that_all_but_their_declared_state_is_taken(faults):
    arguments = ("delivery", "--faults", faults, "--hours", "0.7", "--seed", "9")
    assert trace_hash(good(*arguments)) == trace_hash(good(*arguments, "--amnesia"))


def test_the_component_library_does_not_notice_amnesia_either():
    office = os.path.join(os.path.dirname(__file__), "..", "examples", "office")
    arguments = (office, "--faults", "standard", "--hours", "0.5", "--seed", "3")
    assert trace_hash(good(*arguments)) == trace_hash(good(*arguments, "--amnesia"))


@pytest.mark.parametrize("sabotage, law, faults", [
    ("twice", "delivery", "standard"), ("lose", "delivery", "standard"), ("swap", "delivery", "standard"),
    ("stranger", "delivery", "none"), ("flush", "delivery", "standard"), ("clock", "command", "heavy"),
    ("stale", "freshness", "standard"), ("writer", "writer", "none"), ("count", "counters", "light"), ("memory", "limits", "none"),
    ("cache", "storage", "standard")])
def test_each_checker_sees_what_it_is_for(sabotage, law, faults):
    code, output = run("delivery", "--faults", faults, "--hours", "6", "--seed", "5", "--sabotage", sabotage)
    assert code == 1, output
    assert f"BROKEN {law}:" in output
    assert "replay: tenon sim delivery" in output


def test_a_failing_run_is_repeated_by_the_command_that_it_prints():
    _, output = run("delivery", "--faults", "standard", "--hours", "3", "--seed", "5", "--sabotage", "flush")
    command = re.search(r"replay: tenon sim (.*)", output).group(1).split()
    code, again = run(*command)
    assert code == 1
    assert trace_hash(again) == trace_hash(output)
    assert "BREACH" in again


def test_a_script_makes_faults_at_its_times(tmp_path):
    script = tmp_path / "faults.txt"
    script.write_text("# two ends and a way back\n5min crash board1 after 3\n10min isolate space1\n12min heal\n15min kill orchestrator\n"
                      "20min start orchestrator\n22min replace board2\n30min disk-full space2\n33min disk-ok space2\n40min freeze space3\n"
                      "42min thaw space3\n")
    output = good("delivery", "--faults", "none", "--hours", "1", "--script", str(script), "--trace")
    for line in ("script: isolate", "script: heal", "board1         ends in the middle of a turn", "script: freeze"):
        assert line in output


def test_a_wrong_script_is_refused_with_its_line(tmp_path):
    script = tmp_path / "faults.txt"
    script.write_text("5min crash board1\n6min crash nobody\n")
    code, output = run("delivery", "--script", str(script))
    assert code == 2
    assert "faults.txt:2: there is no such node" in output
