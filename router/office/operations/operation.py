"""One thing that operators do: its name, its form, and the function of the office that does it.

An operation gives JSON, whoever asks: a command prints that value or what it makes of it, and the API sends it. So a
command says the same of a gateway on this machine and of one elsewhere.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from router.office.actor import Actor
from router.office.office import Office

if TYPE_CHECKING:
    from router.office.forms.form import OfficeForm

__all__ = ["OfficeOperation", "OperationAnswer", "Progress", "operation", "unheard"]

Progress = Callable[[str], None]
"""Is told, in a few words, what a long operation is at."""


@dataclass(frozen=True, slots=True)
class OperationAnswer:
    """What an operation came to.

    Attributes:
        value: as JSON has it.
        warnings: what is wrong beside, in words.
        notes: what is good to know beside.
    """

    value: Any
    warnings: Sequence[str] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class OfficeOperation:
    """One thing that operators do.

    Attributes:
        name: as the command line calls it (``keys revoke``).
        about: what it does, a sentence.
        writes: whether it changes anything: it is given the actor, and asked for with POST.
        long: whether it may take minutes: it is given something to tell of its progress, and answered line by line.
        once: whether it moves money, so that its route wants an ``Idempotency-Key``, unless what is asked for has a
            ``reference``; its answers hold nothing secret.
        function: does it: ``(office, **values)``, ``(office, actor, **values)`` where it writes.
        form_place: its form as ``MODULE:CLASS`` below ``router.office.forms``; imported when somebody needs it.
    """

    name: str
    about: str
    writes: bool
    long: bool
    once: bool
    function: Callable[..., OperationAnswer]
    form_place: str

    @property
    def method(self) -> str:
        """Of its route."""
        return "POST" if self.writes or self.long else "GET"

    @property
    def path(self) -> str:
        """Of its route, behind that of the operators' API."""
        return f"/{self.name.replace(' ', '/')}"

    @property
    def takes_reference(self) -> bool:
        """Whether a ``reference`` may name what it does, so that it is done once."""
        return "reference" in self.form().fields

    @property
    def form(self) -> type[OfficeForm]:
        """What it takes."""
        module, _, name = self.form_place.partition(":")
        found: type[OfficeForm] = getattr(importlib.import_module(f"router.office.forms.{module}"), name)
        return found

    def answer(self, office: Office, actor: Actor, values: Mapping[str, Any], progress: Progress) -> OperationAnswer:
        """Do it.

        Args:
            values: as its form gives them.

        Raises:
            RouterError: what the office refuses.
        """
        given: list[Any] = [office, actor] if self.writes else [office]
        told = {"progress": progress} if self.long else {}
        return self.function(*given, **values, **told)


def operation(
    name: str, form: str, *, writes: bool = False, long: bool = False, once: bool = False
) -> Callable[[Callable[..., OperationAnswer]], OfficeOperation]:
    """Make an operation of a function; the first sentence of its docstring is what it does.

    Args:
        form: as ``OfficeOperation.form_place``.
        writes, long, once: as ``OfficeOperation`` has them.
    """

    def made(function: Callable[..., OperationAnswer]) -> OfficeOperation:
        about = " ".join((function.__doc__ or "").split("\n\n")[0].split())
        return OfficeOperation(name, about, writes, long, once, function, form)

    return made


def unheard(message: str) -> None:
    """The progress of which nobody wants to hear."""
