"""``make sbom``: what the container has in it, as a CycloneDX document: names, versions, hashes.

Made of the lock file alone, so that it says what was locked and not what this machine happens to have.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["main"]

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements/container.txt"


def main(arguments: list[str]) -> int:
    """Write it to the file that is named, or to ``dist/sbom.json``; the exit status."""
    target = Path(arguments[0]) if arguments else ROOT / "dist/sbom.json"
    bill = _bill()
    described = (ROOT / "setup.py").read_text(encoding="utf-8")
    version = re.search(r'version="([^"]+)"', described)
    bill["metadata"]["component"] = {
        "type": "application",
        "bom-ref": "tollrouter",
        "name": "tollrouter",
        "version": version[1] if version else "",
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    bill["dependencies"] = [{"ref": "tollrouter", "dependsOn": [one["bom-ref"] for one in bill["components"]]}]
    for one in bill["components"]:
        one.pop("externalReferences", None)  # of whichever index this machine asks
        one.pop("description", None)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(bill, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {target}: {len(bill['components'])} components")
    return 0


def _bill() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "sbom.json"
        command = [sys.executable, "-m", "cyclonedx_py", "requirements", "--output-reproducible", "--of", "JSON"]
        subprocess.run([*command, "-o", str(made), str(LOCK)], check=True, capture_output=True)
        return json.loads(made.read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
