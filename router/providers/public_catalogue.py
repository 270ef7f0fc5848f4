"""The catalogue that everybody may see: bytes that are ready, made anew in the background when the database changes.

A request never waits for the database. While that does not answer, the profile's own catalogue is shown alone.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping

from router.catalogue.catalogue import Catalogue
from router.catalogue.snapshot import Snapshot
from router.errors import StoreError, faults
from router.providers.model_list import ModelListService
from router.types.dialect import Dialect

__all__ = ["Page", "PublicCatalogue"]

_log = logging.getLogger("router.providers")
_EVERY_S = 1.0
_STALE_S = 3.0
_CLOSE_S = 2.0


class Page:
    """One answer.

    Attributes:
        headers: of the answer; not to be changed.
        body: JSON.
    """

    __slots__ = ("body", "headers")

    def __init__(self, dialect: Dialect, value: object, headers: Mapping[str, str]) -> None:
        self.body = json.dumps(value).encode("ascii")
        own = {"Content-Type": "application/json", "Content-Length": str(len(self.body))}
        self.headers = tuple({**own, **dialect.catalogue_headers, **headers}.items())


class PublicCatalogue:
    """Keeps the page. ``start`` begins to ask the database, in a greenlet in a patched process, else in a thread.

    Args:
        every_s: between two questions whether anything has changed.
        stale_s: how old the last answer may be: a database that hangs is taken for dead after that.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        lister: ModelListService,
        dialect: Dialect,
        *,
        every_s: float = _EVERY_S,
        stale_s: float = _STALE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._catalogue = catalogue
        self._lister = lister
        self._dialect = dialect
        self._every_s = every_s
        self._stale_s = stale_s
        self._clock = clock
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        offers = (one for one in lister.shown(catalogue.built_in) if one.offer is not None)
        self._built_in = Page(dialect, dialect.catalogue(offers), dialect.fallback_headers)
        self._snapshot: Snapshot | None = None
        self._page = self._built_in
        self._good_until = clock()

    def page(self) -> Page:
        """The catalogue as the database has it, at most ``stale_s`` ago; else the profile's own."""
        return self._page if self._clock() < self._good_until else self._built_in

    def refresh(self) -> None:
        """Ask the database now."""
        try:
            snapshot = self._catalogue.refresh()
        except StoreError as error:
            if self._good_until:
                _log.warning("the public catalogue is the built-in one: %s", error.message)
            self._good_until = 0.0
            return
        if snapshot is not self._snapshot:
            self._page = Page(self._dialect, self._dialect.catalogue(self._lister.shown(snapshot)), {})
            self._snapshot = snapshot
        self._good_until = self._clock() + self._stale_s

    def start(self) -> None:
        """Ask at once, and from now on."""
        self.refresh()
        self._thread = threading.Thread(target=self._run, name="showcase", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop asking."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(_CLOSE_S)

    def _run(self) -> None:
        while not self._stopped.wait(self._every_s):
            try:
                self.refresh()
            except faults():  # a dialect's own fault: it must not end the asking
                _log.exception("the public catalogue could not be made")
