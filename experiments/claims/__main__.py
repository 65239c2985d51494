"""``python -m experiments.claims``: verdicts on the claims, from the committed summaries."""

from __future__ import annotations

import argparse
from pathlib import Path

from experiments.claims.claim import Claim, TestedClaim
from experiments.claims.page import page
from experiments.claims.reading import read_claims
from experiments.claims.verdict import judge
from experiments.console import BEGIN_AGAIN, say, short_errors
from experiments.report.summary import read_summary
from tropnnc.files import write_atomic


def write_page(claims_file: Path, results: Path) -> Path:
    """Judge every claim, print the verdicts, write ``claims.md``.

    Raises:
        TropnncError: claims or a summary that cannot be read.
    """
    claims = read_claims(claims_file)
    measured = [claim for claim in claims if isinstance(claim, Claim)]
    tested = [claim for claim in claims if isinstance(claim, TestedClaim)]
    names = {name for claim in measured for name in claim.experiments}
    paths = {name: results / "summary" / f"{name}.csv" for name in sorted(names)}
    summaries = {name: read_summary(path) for name, path in paths.items() if path.exists()}
    judgements = [judge(claim, summaries) for claim in measured]
    for judgement in judgements:
        say(f"{judgement.claim.id}: {judgement.verdict}")
    for claim in tested:
        say(f"{claim.id}: by test ({claim.test})")
    path = results / "claims.md"
    write_atomic(path, page(judgements, tested).encode())
    return path


def main() -> None:
    """Exit code 0, or 2 after one line on what is wrong."""
    parser = argparse.ArgumentParser("python -m experiments.claims", description=__doc__)
    parser.add_argument("--claims", type=Path, default=Path("conf/claims.yaml"))
    parser.add_argument("--results", type=Path, default=Path("results"), help="default: results")
    arguments = parser.parse_args()
    with short_errors("claims", BEGIN_AGAIN):
        say(f"\n{write_page(arguments.claims, arguments.results)}")


if __name__ == "__main__":
    main()
