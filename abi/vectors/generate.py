#!/usr/bin/env python3
"""Writes the golden vectors beside this file: one encoded item each, as raw CBOR.

    python abi/vectors/generate.py          (python with cbor2: build/third_party/venv)

The frozen reading of abi/*.cddl: a codec must decode each, and encode the same bytes from the same values. refused-*.cbor
break the rule that their names tell and must be refused. Once released, a vector never changes: a new format gets new ones.
"""

import math
import pathlib
import struct
import sys

import cbor2

FOLDER = pathlib.Path(__file__).parent
NUMBER, BOOLEAN, TEXT, ARRAY, ANY = range(5)
MEASUREMENT, EVENT, COMMAND = range(3)
TASK, RESOURCE, REMOTE = range(3)
CEL = "Cel"


def encode(value):
    """Deterministic but for floats, which cbor2 writes as float64 then: what manifest, plan and node formats want."""
    return cbor2.dumps(value)


def message(value):
    """The shortest exact form among integer, float32 and float64, as abi/tenon.h sends it."""
    if isinstance(value, list):
        return cbor2.dumps([0] * len(value))[:1] + b"".join(message(item) for item in value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return cbor2.dumps(None)
        if value == int(value) and -(2**32) <= value < 2**32:
            return cbor2.dumps(int(value))
        if struct.unpack(">f", struct.pack(">f", value))[0] == value:
            return b"\xfa" + struct.pack(">f", value)
    return cbor2.dumps(value)


def address(text, port):
    """IPv4-mapped IPv6 address and UDP port, 18 octets."""
    return b"\0" * 10 + b"\xff\xff" + bytes(map(int, text.split("."))) + struct.pack(">H", port)


MANIFEST_THERMOSTAT = {
    0: 1,
    1: "thermostat",
    2: "1.0.0",
    3: 4096,
    4: 20000,
    5: 2,
    6: 96,
    7: 1,
    8: 16,
    9: [
        ["temperature", "Zone_Air_Temperature_Sensor", CEL, NUMBER, False, [-40.0, 80.0], 0.01],
        ["occupied", "Occupancy_Status", "", BOOLEAN, False, None, 0.0],
        ["occupied_heating", "", CEL, NUMBER, True, [5.0, 30.0], 0.0],
    ],
    10: [
        ["heating", "Zone_Air_Heating_Temperature_Setpoint", CEL, NUMBER, False, [5.0, 30.0], 0.0],
        ["cooling", "Zone_Air_Cooling_Temperature_Setpoint", CEL, NUMBER, False, None, 0.0],
    ],
}
MANIFEST_SMALLEST = {0: 1, 1: "x", 2: "0", 3: 0, 4: 0, 5: 0, 6: 0, 7: 0, 8: 0, 9: [], 10: []}
PORT_LONGEST = ["p" * 47, "Q" * 63, "u" * 15, ANY, True, [-1e300, 1e300], 1e-300]
MANIFEST_LARGEST_VALUES = {
    0: 1,
    1: "n" * 47,
    2: "9" * 15,
    3: 1048576,
    4: 10000000,
    5: 32,
    6: 4096,
    7: 2**32 - 1,
    8: 512,
    9: [PORT_LONGEST],
    10: [],
}

PLAN = {
    0: 1,
    1: 7,
    2: "five-zone-office",
    3: "gateway-1",
    4: [
        ["thermostat-space1", bytes(range(32)), 3, 1, [[2, message(21.5)], [3, message(24.0)]]],
        ["clock-reader", bytes(32), 1, 0, []],
    ],
    5: [
        ["space1/temperature", None, 1, 0],
        ["space1/heating_setpoint", message(18.0), 2, 1],
    ],
    6: [["node-2", address("127.0.0.1", 5683)]],
    7: [
        [1, MEASUREMENT, [RESOURCE, 0, 0], [TASK, 0, 0], 60000, 900000, 0.1, 0, 0, False, 0, 2700000, message(20.0)],
        [2, COMMAND, [TASK, 0, 0], [RESOURCE, 1, 0], 0, 0, 0.0, 7200000, 10, True, 5, 0, None],
        [3, EVENT, [REMOTE, 0, 0], [TASK, 0, 1], 0, 0, 0.0, 0, 0, False, 0, 0, None],
        [4, EVENT, [TASK, 0, 1], [REMOTE, 0, 0], 0, 0, 0.0, 0, 0, False, 0, 0, None],
    ],
}
PLAN_EMPTY = {0: 1, 1: 0, 2: "p", 3: "n", 4: [], 5: [], 6: [], 7: []}

REGISTRATION = {
    0: 1,
    1: "gateway-1",
    2: "linux",
    3: "wamr",
    4: 12,
    5: 8388608,
    6: 8000000,
    7: 64,
    8: 7,
    9: ["supervisory", "mains"],
    10: [
        ["space1/temperature", "Zone_Air_Temperature_Sensor", CEL, NUMBER, False, [-40.0, 80.0], 0.01],
        ["space1/heating_setpoint", "Zone_Air_Heating_Temperature_Setpoint", CEL, NUMBER, True, [5.0, 30.0], 0.0],
        ["door", "", "", BOOLEAN, False, None, 0.0],
    ],
    11: 2**64 - 1,
}
REGISTRATION_EMPTY = {0: 1, 1: "n", 2: "mcu", 3: "wamr", 4: 0, 5: 0, 6: 0, 7: 0, 8: 0, 9: [], 10: [], 11: 0}
ALIVE = {0: 1, 1: "gateway-1", 2: 12, 3: 7, 4: 8000000}
ALIVE_LARGEST_VALUES = {0: 1, 1: "n" * 47, 2: 2**64 - 1, 3: 2**64 - 1, 4: 2**64 - 1}

TRACE = bytes.fromhex("0123456789abcdef")


def changed(value, key, new):
    return {**value, key: new}


def with_link(position, new):
    link = list(PLAN[7][0])
    link[position] = new
    return changed(PLAN, 7, [link])


# name -> (cddl file, rule, bytes). The rule is None where the CDDL cannot say it: the vector is for the C side only.
VECTORS = {
    "manifest-thermostat": ("manifest", "manifest", encode(MANIFEST_THERMOSTAT)),
    "manifest-smallest": ("manifest", "manifest", encode(MANIFEST_SMALLEST)),
    "manifest-largest-values": ("manifest", "manifest", encode(MANIFEST_LARGEST_VALUES)),
    "plan-five-zone-office": ("plan", "plan", encode(PLAN)),
    "plan-empty": ("plan", "plan", encode(PLAN_EMPTY)),
    "registration-gateway": ("node", "registration", encode(REGISTRATION)),
    "registration-empty": ("node", "registration", encode(REGISTRATION_EMPTY)),
    "registration-module-limit": ("node", "registration", encode(changed(REGISTRATION_EMPTY, 12, 4096))),
    "alive-gateway": ("node", "alive", encode(ALIVE)),
    "alive-largest-values": ("node", "alive", encode(ALIVE_LARGEST_VALUES)),
    "delivery-measurement": ("delivery", "delivery", encode([MEASUREMENT, 3, 1000, 0, 0, 250, TRACE])),
    "delivery-event": ("delivery", "delivery", encode([EVENT, 1, 1, 0, 0, 0, TRACE])),
    "delivery-command": ("delivery", "delivery", encode([COMMAND, 3, 42, 7200000, 8, 0, TRACE])),
    "delivery-largest-values": (
        "delivery",
        "delivery",
        encode([COMMAND, 2**32 - 1, 2**64 - 1, 2**32 - 1, 16, 2**32 - 1, b"\xff" * 8]),
    ),
    "batch-state": ("journal", "entry", encode([0, "counter", 1, bytes(12)])),
    "batch-output-event": ("journal", "entry", encode([1, 2, 1, 2**40 + 1, 0, TRACE, 1000, 0, message(7.0)])),
    "batch-output-command": ("journal", "entry", encode([1, 3, 1, 2**40 + 2, 10, TRACE, 1000, 61000, message(7.0)])),
    "batch-position": ("journal", "entry", encode([2, 2, 1, 2**40 + 1])),
    "batch-command": ("journal", "entry", encode([3, "room/valve", 8, 2**32 - 1, TRACE, 5000, message(30.0)])),
    "batch-time": ("journal", "entry", encode([4, 1736841600000])),
    "batch-command-relinquished": ("journal", "entry", encode([3, "room/valve", 8, 2**32 - 1, TRACE, 5000, b""])),
    "message-0": ("message", "message", message(0.0)),
    "message-23": ("message", "message", message(23.0)),
    "message-24": ("message", "message", message(24.0)),
    "message-clock": ("message", "message", message(1736841600.0)),
    "message-minus-1": ("message", "message", message(-1.0)),
    "message-minus-2-to-32": ("message", "message", message(-(2.0**32))),
    "message-2-to-32": ("message", "message", message(2.0**32)),
    "message-20.5": ("message", "message", message(20.5)),
    "message-20.1": ("message", "message", message(20.1)),
    "message-half-1.5": ("message", "message", b"\xf9" + struct.pack(">e", 1.5)),
    "message-half-subnormal": ("message", "message", b"\xf9\x00\x01"),
    "message-false": ("message", "message", message(False)),
    "message-true": ("message", "message", message(True)),
    "message-null": ("message", "message", message(None)),
    "message-text": ("message", "message", message("shedding started")),
    "message-text-empty": ("message", "message", message("")),
    "message-numbers": ("message", "message", message([1.0, -2.0, 20.5, 20.1])),
    "message-numbers-empty": ("message", "message", message([])),
}
REFUSED = {
    "manifest-future-version": ("manifest", "manifest", encode(changed(MANIFEST_SMALLEST, 0, 2))),
    "manifest-name-empty": ("manifest", "manifest", encode(changed(MANIFEST_SMALLEST, 1, ""))),
    "manifest-name-too-long": ("manifest", "manifest", encode(changed(MANIFEST_SMALLEST, 1, "n" * 48))),
    "manifest-memory-too-large": ("manifest", "manifest", encode(changed(MANIFEST_SMALLEST, 3, 1048577))),
    "manifest-too-many-inputs": (
        "manifest",
        "manifest",
        encode(changed(MANIFEST_SMALLEST, 9, [[f"i{n}", "", "", ANY, False, None, 0.0] for n in range(33)])),
    ),
    "manifest-truncated": ("manifest", "manifest", encode(MANIFEST_THERMOSTAT)[:-1]),
    "manifest-trailing-byte": ("manifest", None, encode(MANIFEST_SMALLEST) + b"\0"),
    "manifest-range-reversed": (
        "manifest",
        None,
        encode(changed(MANIFEST_SMALLEST, 9, [["i", "", "", NUMBER, False, [1.0, 0.0], 0.0]])),
    ),
    "manifest-range-not-a-number": (
        "manifest",
        None,
        encode(changed(MANIFEST_SMALLEST, 9, [["i", "", "", NUMBER, False, [math.nan, 0.0], 0.0]])),
    ),
    "manifest-names-twice": (
        "manifest",
        None,
        encode(changed(MANIFEST_SMALLEST, 9, [["i", "", "", NUMBER, False, None, 0.0]] * 2)),
    ),
    "plan-future-version": ("plan", "plan", encode(changed(PLAN_EMPTY, 0, 2))),
    "plan-class-unknown": ("plan", "plan", encode(with_link(1, 3))),
    "plan-digest-short": ("plan", "plan", encode(changed(PLAN_EMPTY, 4, [["t", bytes(31), 1, 0, []]]))),
    "plan-task-index-outside": ("plan", None, encode(with_link(3, [TASK, 2, 0]))),
    "plan-both-ends-remote": (
        "plan",
        None,
        encode(changed(PLAN, 7, [[1, EVENT, [REMOTE, 0, 0], [REMOTE, 0, 0], 0, 0, 0.0, 0, 0, False, 0, 0, None]])),
    ),
    "registration-future-version": ("node", "registration", encode(changed(REGISTRATION_EMPTY, 0, 2))),
    "registration-capabilities-too-many": (
        "node",
        "registration",
        encode(changed(REGISTRATION_EMPTY, 9, [f"c{n}" for n in range(17)])),
    ),
    "alive-map-incomplete": ("node", "alive", encode({0: 1, 1: "n", 2: 1, 3: 1})),
    "batch-kind-unknown": ("journal", "entry", encode([5, 1])),
    "batch-command-priority-0": ("journal", "entry", encode([3, "room/valve", 0, 1, TRACE, 5000, b""])),
    "delivery-class-unknown": ("delivery", "delivery", encode([3, 1, 1, 0, 0, 0, TRACE])),
    "delivery-trace-short": ("delivery", "delivery", encode([EVENT, 1, 1, 0, 0, 0, TRACE[:7]])),
    "delivery-priority-17": ("delivery", "delivery", encode([COMMAND, 1, 1, 1, 17, 0, TRACE])),
}


def crc32c(data):
    """CRC-32C, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def journal(batches, segment=3, salt=0x1122334455667788, version=1):
    """A segment of the journal, docs/formats/journal.md."""
    header = b"TENONjnl" + struct.pack("<IQQ", version, segment, salt)
    header += struct.pack("<I", crc32c(header))
    data = header * 2
    for index, batch in enumerate(batches):
        covered = struct.pack("<QQII", segment, salt, index, len(batch)) + batch
        data += b"\xb7rec" + struct.pack("<III", index, len(batch), crc32c(covered)) + batch
    return data


def journals():
    """Files that are no CBOR, and so have no CDDL: port/posix/journal_test.c reads them."""
    whole = journal([b"a", b"valve to 30 %", b"the third batch, which is somewhat longer than the others"])
    damaged = bytearray(whole)
    damaged[whole.index(b"valve")] ^= 0x01
    return {
        "journal-empty.bin": journal([]),
        "journal-three-batches.bin": whole,
        "journal-damaged-second.bin": bytes(damaged),
        "refused-journal-future-version.bin": journal([b"a"], version=2),
    }


def files():
    """(file name, cddl file, rule or None, must be accepted, bytes) of every vector."""
    for name, (cddl, rule, data) in VECTORS.items():
        yield f"{name}.cbor", cddl, rule, True, data
    for name, (cddl, rule, data) in REFUSED.items():
        yield f"refused-{name}.cbor", cddl, rule, False, data
    for name, data in journals().items():
        yield name, None, None, not name.startswith("refused-"), data


def main():
    for name, _, _, _, data in files():
        (FOLDER / name).write_bytes(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
