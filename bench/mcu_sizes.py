"""What the firmware takes, by room, from the linker's map; and whether that is within the budget.

    mcu_sizes.py build/mcu/tenon-mcu.map [--check]

Flash is code, constants and the initial values of variables. RAM is every variable, the stack of the node's task, the engine's
pool and the memory of the node: all that is reserved at link time, and nothing is allocated beside it. With --check the exit
code is 1 when a room, or all of them, is over its budget: what grows there must be saved elsewhere, or the budget be moved by
hand and with a reason. Budgets are the Cortex-M3's.
"""

import re
import sys

KIB = 1024
# Over everything (DESIGN.md §13).
FLASH_AIM, RAM_AIM = 192 * KIB, 64 * KIB
# Room -> most flash and RAM, in bytes.
BUDGETS = {
    "core/": (66000, 0), "WAMR": (61000, 128), "node/": (21500, 0), "C library": (13000, 256), "lwIP": (10500, 3000),
    "port/": (10500, 640), "firmware/": (5500, 2600), "FreeRTOS": (5000, 768), "engine/": (3100, 64), "drivers/": (2800, 0),
    "zcbor": (2500, 0), "node's memory": (0, 28 * KIB), "engine's pool": (0, 25 * KIB), "node's stack": (0, 4608),
}

ROOMS = (
    (r"libtenon_core", "core/"), (r"libtenon_engine", "engine/"), (r"libtenon_node", "node/"), (r"tenon_port\.dir", "port/"),
    (r"tenon-mcu\.elf\.dir", "firmware/"), (r"libwamr", "WAMR"), (r"libfreertos", "FreeRTOS"), (r"liblwip", "lwIP"),
    (r"libzcbor", "zcbor"), (r"libtenon_drivers", "drivers/"),
)
# Variables that are a room's memory rather than its own: they get a row of their own.
BLOCKS = {"memory_block": "node's memory", "pool": "engine's pool", "stack": "node's stack"}


def room_of(path):
    return next((room for pattern, room in ROOMS if re.search(pattern, path)), "C library")


def read(path):
    """Room -> [flash, RAM] in bytes."""
    sizes = {}
    output = None
    text = open(path).read().split("Linker script and memory map", 1)[1]
    text = re.sub(r"\n (\.\S+|COMMON|\*fill\*)\n\s+", r"\n \1 ", text)
    parts = []
    for line in text.splitlines():
        start = re.match(r"(\.[A-Za-z.]+)", line)
        output = start.group(1) if start else output
        part = re.match(r" (\.\S+|COMMON|\*fill\*) +0x([0-9a-f]+) +0x([0-9a-f]+) ?(\S*)", line)
        if part and output in (".text", ".ARM.exidx", ".data", ".bss") and int(part.group(3), 16):
            parts.append((output, int(part.group(2), 16), int(part.group(3), 16), part.group(1), part.group(4)))
    # Strings that the linker merges are listed with their size before that: a part ends where the next one begins.
    room = None
    for (output, at, size, name, file), following in zip(parts, [*parts[1:], None]):
        if following and following[0] == output:
            size = min(size, following[1] - at)
        if name != "*fill*":
            room = next((block for variable, block in BLOCKS.items() if name == f".bss.{variable}"), None) or room_of(file)
        row = sizes.setdefault(room, [0, 0])
        row[0] += size if output != ".bss" else 0
        row[1] += size if output in (".data", ".bss") else 0
    return sizes


def main():
    sizes = read(sys.argv[1])
    print(f"{'room':16}{'flash':>9}{'RAM':>9}   bytes")
    for room, (flash, ram) in sorted(sizes.items(), key=lambda item: -sum(item[1])):
        print(f"{room:16}{flash:9,}{ram:9,}")
    flash, ram = (sum(row[i] for row in sizes.values()) for i in (0, 1))
    print(f"{'all':16}{flash:9,}{ram:9,}")
    print(f"{'aim':16}{FLASH_AIM:9,}{RAM_AIM:9,}   {flash / FLASH_AIM:.2f} x and {ram / RAM_AIM:.2f} x of it")
    over = [f"{room} over its budget of {most[0]:,} and {most[1]:,}" for room, most in BUDGETS.items()
            if any(size > limit for size, limit in zip(sizes.get(room, (0, 0)), most))]
    over += [f"{room} without a budget" for room in sizes if room not in BUDGETS]
    over += ["all over the aim"] if flash > FLASH_AIM or ram > RAM_AIM else []
    for line in over:
        print(line)
    return 1 if over and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
