"""The surfaces of OpenAI's API beside chat and embeddings, for whoever brings them to a gateway."""

from __future__ import annotations

from collections.abc import Sequence

from router.surfaces.media.image_edits import ImageEditsSurface
from router.surfaces.media.images import ImagesSurface
from router.surfaces.media.speech import SpeechSurface
from router.surfaces.media.transcriptions import TranscriptionsSurface
from router.surfaces.surface import Surface, SurfaceContext
from router.surfaces.text.completions import CompletionsSurface
from router.surfaces.text.moderations import ModerationsSurface
from router.surfaces.text.rerank import RerankSurface

__all__ = ["further_surfaces"]


def further_surfaces(context: SurfaceContext) -> Sequence[Surface]:
    """Legacy completions, media, moderations and ranking, as a plugin's hook ``surface`` gives them."""
    return [
        CompletionsSurface(),
        ImagesSurface(),
        ImageEditsSurface(),
        SpeechSurface(),
        TranscriptionsSurface(),
        ModerationsSurface(),
        RerankSurface(),
    ]
