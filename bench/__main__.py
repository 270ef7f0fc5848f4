"""``python -m bench``: measure this gateway beside the direct call, or beside its peers as well."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from bench.billing import measure_billing
from bench.gateway import BILLED, OurGateway
from bench.machine import BenchError, describe, fsync_ms
from bench.measure import Figures, Plan, add_differences, measure, measure_plugins
from bench.plugins import make_plugins
from bench.report import Report, write_between, write_json
from bench.streams import INTERVAL_MS, paced_chunks
from bench.systems import Direct, Server, Upstreams
from bench.tools import Programs, prepare
from bench.upstream import FastUpstream

_FILLERS = 42
Maker = Callable[[Path, Upstreams], Server]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit status."""
    options = _parser().parse_args(arguments)
    plan = Plan.quick() if options.quick else Plan()
    if options.runs:
        plan = Plan(options.runs, plan.seconds, plan.open_streams, plan.open_s)
    try:
        report = _run(_command(options), plan, peers=options.peers, billing=options.billing)
        text = report.to_markdown()
        print(text)
        if options.json:
            write_json(report, options.json)
        if options.write:
            write_between("peers" if options.peers else "billing" if options.billing else "bench", text)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


def _command(options: argparse.Namespace) -> str:
    """What repeats this run."""
    chosen = [
        *(["--billing"] if options.billing else []),
        *(["--quick"] if options.quick else []),
        *([f"--runs {options.runs}"] if options.runs else []),
    ]
    return ("make bench-peers" if options.peers else "make bench") + (f' ARGS="{" ".join(chosen)}"' if chosen else "")


def _run(command: str, plan: Plan, *, peers: bool, billing: bool) -> Report:
    report = Report(command, "", describe())
    makers: list[Maker] = [OurGateway] if peers else [OurGateway, partial(OurGateway, setup=BILLED)]
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        programs = prepare(folder)
        if peers:
            from bench.peers import LiteLLM, Portkey

            makers += [Portkey, LiteLLM]
        else:
            from_disk = fsync_ms(folder)
            report.machine = {**report.machine, "fsync": f"{from_disk['p50']:.2f} ms (p99 {from_disk['p99']:.2f})"}
        for number in range(1, plan.runs + 1):
            run = folder / str(number)
            run.mkdir()
            _say(f"run {number} of {plan.runs}")
            if billing:
                with _upstreams(programs, plan) as (_, upstreams):
                    report.runs.append(measure_billing(run, plan, upstreams))
            else:
                report.runs.append(_one_run(run, plan, programs, makers, alone=not peers))
        if peers:
            from bench.fidelity import check_fidelity

            _say("fidelity")
            report.fidelity = check_fidelity(folder, makers)
    report.date = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    return report


def _one_run(
    folder: Path, plan: Plan, programs: Programs, makers: Sequence[Maker], *, alone: bool
) -> dict[str, Figures]:
    """Each system once, one after the other, on the same upstreams.

    Args:
        alone: without peers; then what plugins and accounting cost is measured as well.
    """
    found: dict[str, Figures] = {}
    with _upstreams(programs, plan) as (fast, upstreams):
        _say("  direct")
        found["direct"] = measure(Direct(upstreams), plan, programs)
        found["direct"]["chunks_per_s"] = 50 * found["direct"]["streams_per_s"]
        for number, make in enumerate(makers):
            place = folder / f"system-{number}"
            place.mkdir()
            system = make(place, upstreams)
            _say(f"  {system.name}")
            calls = fast.calls()
            with system:
                figures = measure(system, plan, programs)
            if isinstance(system, OurGateway):
                figures["rows_missing"] = fast.calls() - calls - system.rows()
            figures["chunks_per_s"] = 50 * figures["streams_per_s"]
            add_differences(figures, found["direct"])
            found[system.name] = figures
        if alone:
            found |= _plugins(folder, plan, upstreams)
            _say("  billing")
            found |= measure_billing(folder, plan, upstreams)
    return found


def _plugins(folder: Path, plan: Plan, upstreams: Upstreams) -> dict[str, Figures]:
    """The gateway with its own plugins and with fifty, each set up as a provider."""
    fillers = folder / "plugins"
    fillers.mkdir()
    names = make_plugins(fillers, _FILLERS)
    found = {}
    for label, extra in (("bundled plugins", None), ("50 plugins", (fillers, names))):
        place = folder / label.replace(" ", "-")
        place.mkdir()
        with OurGateway(place, upstreams, plugins=extra) as system:
            _say(f"  {label}")
            found[label] = measure_plugins(system, plan)
    return found


@contextmanager
def _upstreams(programs: Programs, plan: Plan) -> Iterator[tuple[FastUpstream, Upstreams]]:
    with ExitStack() as stack:
        fast = stack.enter_context(FastUpstream(programs.upstream))
        paced = FastUpstream(programs.upstream, chunks=paced_chunks(plan.open_s), interval_ms=INTERVAL_MS)
        stack.enter_context(paced)
        yield fast, Upstreams(fast.port, paced.port)


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short run, to see whether everything works")
    parser.add_argument("--runs", type=int, help="how many runs; the tables show medians")
    parser.add_argument("--peers", action="store_true", help="measure Portkey's gateway and LiteLLM's proxy too")
    parser.add_argument("--billing", action="store_true", help="measure what accounting costs, and nothing else")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures of all runs to FILE")
    parser.add_argument("--write", action="store_true", help="replace the tables in bench/RESULTS.md")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
