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

from bench.gateway import BILLED, OurGateway
from bench.machine import BenchError, describe, fsync_ms
from bench.measure import Figures, Plan, add_differences, measure, measure_plugins
from bench.peers import LiteLLM, Portkey, Running
from bench.plugins import make_plugins
from bench.profile import main as profile
from bench.report import Report, write_between, write_json
from bench.streams import INTERVAL_MS, paced_chunks
from bench.systems import Direct, Server, Upstreams
from bench.tools import Programs, prepare
from bench.trees import OWN, checked_out
from bench.turns import measure_turns
from bench.upstream import FastUpstream

_FILLERS = 42
Maker = Callable[[Path, Upstreams], Server]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit status."""
    options = _parser().parse_args(arguments)
    if options.profile:
        return profile(["--write"] if options.write else [])
    plan = Plan.quick() if options.quick else Plan()
    if options.runs:
        plan = Plan(options.runs, plan.seconds, plan.open_streams, plan.open_s)
    try:
        report = _run(_command(arguments or sys.argv[1:]), plan, options)
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


def _command(arguments: Sequence[str]) -> str:
    """What repeats this run."""
    chosen = [one for one in arguments if one not in ("--peers", "--write")]
    return ("make bench-peers" if "--peers" in arguments else "make bench") + (
        f' ARGS="{" ".join(chosen)}"' if chosen else ""
    )


def _run(command: str, plan: Plan, options: argparse.Namespace) -> Report:
    report = Report(command, "", describe())
    makers: list[Maker] = [OurGateway, partial(OurGateway, setup=BILLED)]
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        programs = prepare(folder)
        if options.peers:
            makers += [Portkey, LiteLLM]
        from_disk = fsync_ms(folder)
        report.machine = {**report.machine, "fsync": f"{from_disk['p50']:.2f} ms (p99 {from_disk['p99']:.2f})"}
        trees = [OWN, *([checked_out(options.against, folder / "against")] if options.against else [])]
        running = [Running(text) for text in options.peer]
        for number in range(1, plan.runs + 1):
            run = folder / str(number)
            run.mkdir()
            _say(f"run {number} of {plan.runs}")
            with _upstreams(programs, plan, options.upstream_port) as (fast, upstreams):
                found: dict[str, Figures] = {}
                if not options.billing:
                    alone = not (options.peers or options.line)
                    found = _one_run(run, plan, programs, makers, fast, upstreams, alone=alone)
                if not options.peers and not options.line:
                    _say("  in turns")
                    found |= measure_turns(run, plan, upstreams, trees, running)
                report.runs.append(found)
        if options.peers:
            from bench.fidelity import check_fidelity

            _say("fidelity")
            report.fidelity = check_fidelity(folder, [OurGateway, Portkey, LiteLLM])
    report.date = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    return report


def _one_run(
    folder: Path,
    plan: Plan,
    programs: Programs,
    makers: Sequence[Maker],
    fast: FastUpstream,
    upstreams: Upstreams,
    *,
    alone: bool,
) -> dict[str, Figures]:
    """Each system once, one after the other, on the same upstreams.

    Args:
        alone: without peers; then what plugins cost is measured as well.
    """
    found: dict[str, Figures] = {}
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
            figures["version_s"] = system.version_s()
        figures["chunks_per_s"] = 50 * figures["streams_per_s"]
        add_differences(figures, found["direct"])
        found[system.name] = figures
    if alone:
        found |= _plugins(folder, plan, upstreams)
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
def _upstreams(programs: Programs, plan: Plan, port: int) -> Iterator[tuple[FastUpstream, Upstreams]]:
    with ExitStack() as stack:
        fast = stack.enter_context(FastUpstream(programs.upstream, port=port))
        paced = FastUpstream(programs.upstream, chunks=paced_chunks(plan.open_s), interval_ms=INTERVAL_MS)
        stack.enter_context(paced)
        dripped = stack.enter_context(FastUpstream(programs.upstream, interval_ms=1))
        yield fast, Upstreams(fast.port, paced.port, dripped.port)


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short run, to see whether everything works")
    parser.add_argument("--runs", type=int, help="how many runs; the tables show medians")
    parser.add_argument("--peers", action="store_true", help="measure Portkey's gateway and LiteLLM's proxy too")
    parser.add_argument("--billing", action="store_true", help="only the floor and what accounting costs, in turns")
    parser.add_argument("--line", action="store_true", help="only this gateway beside the direct call, one by one")
    parser.add_argument("--against", metavar="REF", help="measure another commit in turns with this one")
    parser.add_argument(
        "--peer",
        action="append",
        default=[],
        metavar="NAME=URL,KEY,MODEL",
        help="measure a gateway that runs already, in turns with this one; see --upstream-port",
    )
    parser.add_argument("--upstream-port", type=int, default=0, help="where the fast upstream listens; else any port")
    parser.add_argument("--profile", action="store_true", help="where a call's time goes (python -m bench.profile)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures of all runs to FILE")
    parser.add_argument("--write", action="store_true", help="replace the tables in bench/RESULTS.md")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
