"""``serve`` in a process of its own, as the command line runs it.

Arguments: CONFIG PORT WORKERS GRACE_S FROZEN_S.
With ``patched`` as the last argument the process is monkey-patched first, as ``python -m router`` is.
"""

from __future__ import annotations

import sys

if sys.argv[-1] == "patched":
    from gevent import monkey

    monkey.patch_all()

from router.server.master import serve


def announce(url: str) -> None:
    print(url, flush=True)


if __name__ == "__main__":
    config, port, workers, grace_s, frozen_s = sys.argv[1:6]
    sys.exit(
        serve(
            config,
            "127.0.0.1",
            int(port),
            int(workers),
            float(grace_s),
            announce,
            app="serve_app:create",
            frozen_s=float(frozen_s),
        )
    )
