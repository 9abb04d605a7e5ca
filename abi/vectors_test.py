#!/usr/bin/env python3
"""Checks the golden vectors: they are what vectors/generate.py writes, and zcbor accepts and refuses them by the CDDL files.

    build/third_party/venv/bin/python abi/vectors_test.py

Exit code 0 when all is well; otherwise a line for each vector that is not.
"""

import pathlib
import sys

from zcbor import CddlValidationError, DataTranslator
from zcbor.zcbor.zcbor import PRELUDE_PATH

ABI = pathlib.Path(__file__).parent
sys.path.insert(0, str(ABI / "vectors"))
sys.dont_write_bytecode = True
import generate  # noqa: E402 (needs the path above)


def accepted(types, rule, data):
    """True when the bytes are one item of the rule, by zcbor's reading of the CDDL."""
    try:
        types[rule].validate_str(data)
    except (CddlValidationError, ValueError, EOFError):
        return False
    return True


def main():
    problems = []
    parsed = {}
    expected = set()
    for name, cddl, rule, wanted, data in generate.files():
        expected.add(name)
        path = ABI / "vectors" / name
        if not path.exists():
            problems.append(f"{name}: missing; run abi/vectors/generate.py")
        elif path.read_bytes() != data:
            problems.append(f"{name}: differs from what generate.py writes; a released vector must not change")
        if rule is None:
            continue
        if cddl not in parsed:
            text = (ABI / f"{cddl}.cddl").read_text() + PRELUDE_PATH.read_text()
            parsed[cddl] = DataTranslator.from_cddl(text, default_max_qty=64).my_types
        if accepted(parsed[cddl], rule, data) != wanted:
            problems.append(f"{name}: {cddl}.cddl {'refuses' if wanted else 'accepts'} it as {rule}")
    for path in (ABI / "vectors").iterdir():
        if path.suffix in (".cbor", ".bin") and path.name not in expected:
            problems.append(f"{path.name}: generate.py does not know it")
    print("\n".join(problems) or f"{len(expected)} vectors are well")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
