"""People who click: ``Clicking`` has each of them open a list of pages in turn, with a pause after each.

They are a process of their own on the load's core, ``python clicking.py``, which reads what to do from its standard
input as one line of JSON and says what it measured when that ends.
"""

from __future__ import annotations

import http.client
import json
import random
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from subprocess import PIPE, Popen
from types import TracebackType
from typing import Any

__all__ = ["Clicked", "Clicking", "Clicks", "Person"]

_PAGE_MAX_S = 30.0
_OK = 200


@dataclass(frozen=True)
class Person:
    """Somebody with a browser.

    Attributes:
        cookie: of the log-in, as a browser sends it.
        pages: name -> path, in the order in which they are opened.
        mark: what the pages of such people are told apart by.
    """

    cookie: str
    pages: Mapping[str, str]
    mark: str = ""


@dataclass(frozen=True)
class Clicks:
    """What people do.

    Attributes:
        port: of the portal, on loopback.
        people: who; each begins with another page, so that all pages are asked for all the time.
        pause_s: how long somebody looks at a page, from the shortest to the longest.
        least: how many pages each opens before they stop, however soon the block ends.
    """

    port: int
    people: Sequence[Person]
    pause_s: tuple[float, float] = (2.0, 3.0)
    least: int = 0


@dataclass
class Clicked:
    """What came of it.

    Attributes:
        ms: mark -> page -> how long each took, whole.
        failed: what went wrong, a line each.
    """

    ms: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def note(self, mark: str, page: str, taken_ms: Sequence[float]) -> None:
        """Add what a page took."""
        self.ms.setdefault(mark, {}).setdefault(page, []).extend(taken_ms)

    def add(self, other: Clicked) -> None:
        """Add all that another time brought."""
        for mark, pages in other.ms.items():
            for page, taken_ms in pages.items():
                self.note(mark, page, taken_ms)
        self.failed += other.failed


class Clicking:
    """People click while the block lasts; ``found`` then says what they saw.

    Args:
        command: what stands before the program: a core to run on.
    """

    def __init__(self, clicks: Clicks, command: Sequence[str] = ()) -> None:
        self.found = Clicked()
        self._clicks = clicks
        self._command = command

    def __enter__(self) -> Clicking:
        program = [*self._command, sys.executable, str(Path(__file__).resolve())]
        self._process: Popen[str] = Popen(program, stdin=PIPE, stdout=PIPE, text=True)
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(self._clicks)) + "\n")
        self._process.stdin.flush()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            told, _ = self._process.communicate(timeout=2 * _PAGE_MAX_S)
        finally:
            self._process.kill()
            self._process.wait()
        self.found = Clicked(**json.loads(told))


def _main() -> None:
    asked = json.loads(sys.stdin.readline())
    found, end, lock = Clicked(), threading.Event(), threading.Lock()
    threads = [
        threading.Thread(target=_click, args=(asked, number, found, end, lock))
        for number in range(len(asked["people"]))
    ]
    for one in threads:
        one.start()
    sys.stdin.read()  # until it is closed
    end.set()
    for one in threads:
        one.join()
    print(json.dumps(asdict(found)))


def _click(asked: dict[str, Any], number: int, found: Clicked, end: threading.Event, lock: threading.Lock) -> None:
    """One person's afternoon."""
    person, (least, most) = asked["people"][number], asked["pause_s"]
    pages, dice = list(person["pages"].items()), random.Random(number)
    connection = http.client.HTTPConnection("127.0.0.1", asked["port"], timeout=_PAGE_MAX_S)
    first = place = number * len(pages) // len(asked["people"])
    wait_s = dice.uniform(0, most)  # nobody begins with somebody else
    while not end.wait(wait_s) or place - first < asked["least"]:
        name, path = pages[place % len(pages)]
        started = time.perf_counter()
        problem = _open(connection, path, person["cookie"])
        taken_ms = (time.perf_counter() - started) * 1000
        with lock:
            found.note(person["mark"], name, [taken_ms])
            found.failed += [f"{path}: {problem}"] if problem else []
        place += 1
        wait_s = dice.uniform(least, most)
    connection.close()


def _open(connection: http.client.HTTPConnection, path: str, cookie: str) -> str:
    """Read a page to its end; what was wrong with it, empty for nothing."""
    try:
        connection.request("GET", path, headers={"Cookie": cookie, "Accept-Language": "en"})
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException) as error:
        with suppress(OSError):
            connection.close()
        return repr(error)
    return "" if answer.status == _OK else f"answered {answer.status}"


if __name__ == "__main__":
    _main()
