"""What preparing a corpus gave: files written, counts, and what was wrong."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from svtoolkit.errors import list_faults

Say: TypeAlias = Callable[[str], object]


@dataclass
class Report:
    """Outcome of one ``prepare``.

    Attributes:
        manifests: files written: manifests, trial lists and packs.
        speakers: different speakers in the manifests; 0 for sounds.
        utterances: different utterances in the manifests.
        hours: their length in hours.
        faults: recordings left out and lists not written, each with its reason.
        notes: facts a reader of the corpus should know; nothing is wrong.
        usable: False when what was asked for is not whole: a conversion failed, or a trial list names
            recordings that are not there.
    """

    manifests: list[Path] = field(default_factory=list)
    speakers: int = 0
    utterances: int = 0
    hours: float = 0.0
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    usable: bool = True

    def text(self) -> str:
        """The report for people: files, counts, notes, the first faults."""
        lines = [str(path) for path in self.manifests]
        lines.append(f'{self.speakers} speakers, {self.utterances} utterances, {self.hours:.2f} h')
        lines += [f'note: {note}' for note in self.notes]
        if self.faults:
            lines.append(list_faults(f'{len(self.faults)} faults:', self.faults))
        return '\n'.join(lines)
