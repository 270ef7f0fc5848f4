"""``make manifests``: the chart as plain manifests, for clusters without Helm, and for a look at what it makes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["CHART", "TARGET", "main", "rendered"]

ROOT = Path(__file__).resolve().parents[1]
CHART = ROOT / "deploy/helm/router"
TARGET = ROOT / "deploy/kubernetes/router.yaml"
VALUES = ("replicas=2", "ingress.enabled=true", "metrics.enabled=true", "portal.publicUrl=https://portal.example.com")
_HEADER = """\
# Written by `make manifests` from deploy/helm/router: two pods on PostgreSQL behind an ingress, with metrics.
# For clusters without Helm: set the image and the hosts' names, make the secret `router`, then kubectl apply -f.
"""


def rendered(*values: str) -> str:
    """What Helm makes of the chart.

    Raises:
        subprocess.CalledProcessError: it refuses the values; ``stderr`` says why.
    """
    chosen = [word for value in values for word in ("--set", value)]
    command = ["helm", "template", "router", str(CHART), *chosen]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main() -> int:
    """Write the manifests; the exit status."""
    if shutil.which("helm") is None:
        print("manifests: there is no `helm` here; it is `go install helm.sh/helm/v3/cmd/helm@latest`", file=sys.stderr)
        return 1
    TARGET.write_text(_HEADER + rendered(*VALUES), encoding="utf-8")
    print(f"wrote {TARGET.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
