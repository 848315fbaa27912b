"""Prints how many of the 61 audits pass; fails unless all do, or if it could not run."""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.lab.processes import api, deployment, npm_problem

PACKAGES = ("graphql-http@1.23.1", "graphql@16.12.0")
AUDIT_SECONDS = 120

PROGRAM = """
import { auditServer } from 'graphql-http';
const results = await auditServer({ url: process.argv[2] });
for (const { status, id, name, reason } of results)
  if (status !== 'ok') console.log(`${status} ${id}: ${name}: ${reason}`);
const passed = results.filter(({ status }) => status === 'ok').length;
console.log(`graphql-http audit: ${passed} of ${results.length}`);
process.exit(passed === results.length ? 0 : 1);
"""


def main() -> None:
    """Runs the audit in a temporary folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if problem := npm_problem(folder, "install", *PACKAGES):
            print(
                f"graphql-http audit: NOT RUN, since {problem}. "
                "tests/api/test_graphql_over_http.py asks the same."
            )
            return
        (folder / "audit.mjs").write_text(PROGRAM, encoding="utf-8")
        with deployment(None) as uri, api(uri, "audit") as server:
            url = f"http://127.0.0.1:{server.port}/graphql"
            audit = subprocess.run(
                ["node", "audit.mjs", url], cwd=folder, timeout=AUDIT_SECONDS, check=False
            )
    sys.exit(audit.returncode)


if __name__ == "__main__":
    main()
