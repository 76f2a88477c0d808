"""Lengths of recordings, read from their headers once and kept beside the list as ``<list>.dur.json``."""

import json
import logging
import os

from svtoolkit.audio.io import probe

logger = logging.getLogger(__name__)


class DurationCache:
    """Whole-file durations in s by the path a list uses; '' as list keeps nothing on disk."""

    def __init__(self, source: str) -> None:
        self.file = f'{source}.dur.json' if source else ''
        self._known: dict[str, float] | None = None if source else {}
        self._changed = False

    def seconds(self, name: str, path: str) -> float:
        """Duration of the recording that the list calls ``name``.

        Raises:
            AudioError: the file cannot be opened.
        """
        if self._known is None:
            self._known = self._load()
        if name not in self._known:
            self._known[name] = probe(path).duration
            self._changed = True
        return self._known[name]

    def save(self) -> None:
        """Write what is new, complete or not at all; a folder that is read-only is left alone."""
        folder = os.path.dirname(self.file) or '.'
        # The mode bits too: to the administrator every folder seems open.
        if not self.file or not self._changed or not os.stat(folder).st_mode & 0o222:
            return
        part = f'{self.file}.{os.getpid()}.part'
        try:
            with open(part, 'w', encoding='utf-8') as stream:
                json.dump(self._known, stream)
            os.replace(part, self.file)
        except OSError as error:  # read-only data is usual; the next run measures again
            logger.info('durations are not kept: %s', error)
        self._changed = False

    def _load(self) -> dict[str, float]:
        try:
            with open(self.file, encoding='utf-8') as stream:
                return {str(name): float(seconds) for name, seconds in json.load(stream).items()}
        except FileNotFoundError:
            return {}
        except (ValueError, AttributeError) as error:
            logger.warning('%s is damaged (%s); the files are measured again.', self.file, error)
            return {}
