"""Checks the documents: links between them lead somewhere, docs/policy.md names every key of the policy, README.md every command.

Exit code 1 and a line for each breach.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def missing_keys():
    """Keys that the readers of a policy accept and the reference does not name as `key`."""
    text = (ROOT / "docs/policy.md").read_text()
    found = 0
    for source in ("policy_read.c", "policy_channels.c"):
        code = (ROOT / "orchestrator" / source).read_text()
        for keys in re.findall(r"keys\[\] = \{([^}]*)\}", code):
            for key in re.findall(r'"(\w+)"', keys):
                found += 1
                if f"| `{key}` |" not in text:
                    yield f"docs/policy.md: the key `{key}` of orchestrator/{source} has no row"
    if found == 0:
        yield "docs/policy.md: no keys were found in the readers; this check looks in the wrong place"


def missing_commands():
    text = (ROOT / "README.md").read_text()
    for command in re.findall(r'^    \{"(\w+)", command_', (ROOT / "cli/main.c").read_text(), re.M):
        if f"tenon {command} " not in text:
            yield f"README.md: `tenon {command}` is not there"


def main():
    breaches = 0
    for breach in [*missing_keys(), *missing_commands()]:
        print(breach)
        breaches += 1
    documents = [path for path in ROOT.rglob("*.md") if "build" not in path.relative_to(ROOT).parts]
    for path in documents:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", line):
                if "://" not in target and not (path.parent / target).exists():
                    print(f"{path.relative_to(ROOT)}:{number}: {target} is not there")
                    breaches += 1
    print(f"docs: {len(documents)} documents, {breaches} breaches")
    return 1 if breaches or not documents else 0


if __name__ == "__main__":
    sys.exit(main())
