"""Models that were asked for and have no price, until somebody takes them to tell an operator."""

from __future__ import annotations

from router.errors import ModelNotPriced, RouterError

__all__ = ["UnpricedAsks"]

_MODELS_MAX = 20


class UnpricedAsks:
    """What one worker has met since it was last asked; so many models at most, whoever asks for how many."""

    def __init__(self) -> None:
        self._models: set[str] = set()

    def refused(self, error: RouterError) -> None:
        """A request was refused."""
        if isinstance(error, ModelNotPriced) and len(self._models) < _MODELS_MAX and error.about.get("model"):
            self._models.add(error.about["model"])

    def take(self) -> list[str]:
        """The models, each once; from now on none."""
        models, self._models = self._models, set()
        return sorted(models)
