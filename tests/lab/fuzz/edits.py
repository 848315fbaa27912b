"""Mutations of valid texts and bytes: parts are removed, repeated or inserted."""

from collections.abc import Sequence
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

EditedT = TypeVar("EditedT", str, bytes)

MAX_EDITS = 3


@st.composite
def edited(
    draw: DrawFn, wholes: SearchStrategy[EditedT], pieces: SearchStrategy[EditedT]
) -> EditedT:
    """Inputs after 1 to `MAX_EDITS` edits; insertions are drawn from the pieces."""
    text = draw(wholes)
    for _ in range(draw(st.integers(1, MAX_EDITS))):
        start, end = sorted(draw(st.tuples(_place_in(text), _place_in(text))))
        cut = text[start:end]
        put_in = draw(st.sampled_from((text[:0], cut + cut)) | pieces)
        text = text[:start] + put_in + text[end:]
    return text


def _place_in(text: Sequence[object]) -> SearchStrategy[int]:
    return st.integers(0, len(text))
