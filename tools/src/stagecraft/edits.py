"""Changes to files, kept in memory until all of them are known."""

from contextlib import suppress
from pathlib import Path


class Edits:
    """What files below a folder are to hold, where that differs from what they do hold."""

    def __init__(self, root: Path) -> None:
        """Start with no change to the files below `root`."""
        self.root = root
        self.texts: dict[str, str | None] = {}
        """By path below the root, the new text; None for a file that is to go."""

    def read(self, path: str) -> str | None:
        """Give what a file would hold, None where there would be none."""
        return self.texts[path] if path in self.texts else _text(self.root / path)

    def write(self, path: str, text: str | None) -> None:
        """Have a file hold a text, or be gone for None."""
        if text == _text(self.root / path):
            self.texts.pop(path, None)
        else:
            self.texts[path] = text

    def backwards(self) -> "Edits":
        """Give what undoes the changes; to be asked for before they are written."""
        back = Edits(self.root)
        back.texts = {path: _text(self.root / path) for path in self.texts}
        return back

    def apply(self) -> None:
        """Write the changes."""
        for path, text in self.texts.items():
            _write(self.root / path, self.root, text)

    def words(self) -> list[str]:
        """Say of each change in a line what it is."""
        return [
            f"{'remove' if text is None else 'change' if (self.root / path).exists() else 'add'} {path}"
            for path, text in sorted(self.texts.items())
        ]


def _text(path: Path) -> str | None:
    return path.read_text() if path.is_file() else None


def _write(path: Path, root: Path, text: str | None) -> None:
    if text is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return
    path.unlink(missing_ok=True)
    with suppress(OSError):  # the first folder that holds more is the last to look at
        for folder in path.parents[: len(path.relative_to(root).parents) - 1]:
            folder.rmdir()
