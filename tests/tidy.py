"""Rules of the house that a machine can hold: arrows between rooms point downwards, core/ is freestanding, sizes ratchet.

Run by CTest and by `./dev lint`. Exit code 0 when every rule holds; otherwise one line for each breach, with file and line.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Room -> rooms whose headers it may include. Transitive by hand: what is not named is forbidden.
MAY_INCLUDE = {
    "abi": set(),
    "core": set(),
    "engine": {"core", "abi"},
    "port": {"core"},
    "drivers": {"core", "port"},
    "node": {"core", "port", "drivers"},
    "orchestrator": {"core", "port"},
    "plant": {"core", "port", "drivers"},
    "cli": {"core", "port", "drivers", "node", "orchestrator", "engine", "abi"},
    "firmware": {"core", "port", "drivers", "node", "engine"},
    "sim": {"core", "port", "drivers", "node", "orchestrator", "engine", "plant", "abi", "components"},
    "bench": {"core", "port", "engine", "abi", "components", "node"},
    "tests": {"core", "port", "engine", "drivers", "node", "orchestrator", "abi", "components"},
}
# Tests may reach into the engine and the components beside their subject.
TEST_EXTRA = {"engine", "components", "abi", "tests", "port", "drivers", "orchestrator"}

# What core/ may take from the C library: nothing that allocates, reads a clock or does I/O.
CORE_HEADERS = {"stdbool.h", "stddef.h", "stdint.h", "string.h", "math.h", "zcbor_decode.h", "zcbor_encode.h", "zcbor_common.h"}

# Lines of a file, and of a function; files over the limit are listed with their size, and may only shrink.
FILE_LINES_MAX = 700
FUNCTION_LINES_MAX = 70
FORBIDDEN_IN_CORE = re.compile(r"\b(malloc|calloc|realloc|free|printf|fprintf|time|clock_gettime|abort|exit)\s*\(")


def room_sources():
    for room in MAY_INCLUDE:
        for path in sorted((ROOT / room).rglob("*.[ch]")):
            if "build" not in path.parts:
                yield room, path


def is_test(path):
    return path.name.endswith(("_test.c", "_fuzz.c"))


def check_includes(room, path, text, breaches):
    for number, line in enumerate(text.splitlines(), 1):
        quoted = re.match(r'\s*#\s*include\s+"([a-z_0-9]+)/', line)
        if quoted and quoted.group(1) in MAY_INCLUDE:
            target = quoted.group(1)
            allowed = MAY_INCLUDE[room] | {room} | (TEST_EXTRA if is_test(path) else set())
            if target not in allowed:
                breaches.append(f"{path.relative_to(ROOT)}:{number}: room {room} must not include {target}/")
        system = re.match(r"\s*#\s*include\s+<([^>]+)>", line)
        if room == "core" and system and not is_test(path) and system.group(1) not in CORE_HEADERS:
            breaches.append(f"{path.relative_to(ROOT)}:{number}: core/ must not include <{system.group(1)}>")
        if room == "core" and not is_test(path) and FORBIDDEN_IN_CORE.search(re.sub(r'//.*|"[^"]*"', "", line)):
            breaches.append(f"{path.relative_to(ROOT)}:{number}: core/ does no I/O and does not allocate")


def check_sizes(path, text, breaches):
    lines = text.splitlines()
    if len(lines) > FILE_LINES_MAX:
        breaches.append(f"{path.relative_to(ROOT)}: {len(lines)} lines, at most {FILE_LINES_MAX}")
    start = None
    for number, line in enumerate(lines, 1):
        if re.match(r"^[a-z].*\)\s*\{$", line) or (line.endswith(") {") and line.startswith(" " * 5) and start is None):
            start = number
        elif line == "}" and start is not None:
            if number - start > FUNCTION_LINES_MAX and not is_test(path):
                breaches.append(f"{path.relative_to(ROOT)}:{start}: a function of {number - start} lines, at most {FUNCTION_LINES_MAX}")
            start = None


def check_freestanding(breaches):
    """Compiles core/ for a bare Cortex-M with no library headers but the compiler's own and three small ones."""
    zcbor = ROOT / "build/third_party/zcbor/include"
    if not zcbor.exists():
        breaches.append("build/third_party/zcbor is missing: run ./dev setup")
        return
    for path in sorted((ROOT / "core").glob("*.c")):
        if is_test(path):
            continue
        command = ["clang-16", "--target=thumbv7m-none-eabi", "-ffreestanding", "-std=c17", "-fsyntax-only", "-Wno-everything",
                   "-nostdlibinc", "-DZCBOR_CANONICAL", f"-I{ROOT}", f"-isystem{ROOT}/tests/freestanding", f"-isystem{zcbor}", str(path)]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0:
            breaches.append(f"core/{path.name} is not freestanding:\n{result.stderr.strip()[:600]}")


def main():
    breaches = []
    files = 0
    for room, path in room_sources():
        text = path.read_text()
        files += 1
        check_includes(room, path, text, breaches)
        check_sizes(path, text, breaches)
    check_freestanding(breaches)
    for breach in breaches:
        print(breach)
    print(f"tidy: {files} files, {len(breaches)} breaches")
    return 1 if breaches or files == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
