"""Checks that every link between the project's documents leads somewhere. Exit code 1 and a line for each that does not."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main():
    breaches = 0
    documents = [path for path in ROOT.rglob("*.md") if "build" not in path.relative_to(ROOT).parts]
    for path in documents:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", line):
                if "://" not in target and not (path.parent / target).exists():
                    print(f"{path.relative_to(ROOT)}:{number}: {target} is not there")
                    breaches += 1
    print(f"docs: {len(documents)} documents, {breaches} broken links")
    return 1 if breaches or not documents else 0


if __name__ == "__main__":
    sys.exit(main())
