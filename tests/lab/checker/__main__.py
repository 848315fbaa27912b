"""`python -m tests.lab.checker FILE` checks a saved history; exit status 1 if it is impossible."""

import sys
from pathlib import Path

from tests.lab.checker.check import check
from tests.lab.checker.files import load

operations, final = load(Path(sys.argv[1]))
violations = check(operations, final)
for violation in violations:
    sys.stdout.write(f"{violation}\n")
sys.stdout.write(f"{len(operations)} operations, {len(violations)} violations\n")
sys.exit(bool(violations))
