"""What pyproject.toml cannot say: the pictures of examples/ go into the package when it is built."""

from __future__ import annotations

import json
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

EXAMPLES = Path("examples")


class BuildPy(build_py):
    """Adds `lisa/assets/examples`, where the page of an installed package looks; a checkout has examples/ itself."""

    def run(self) -> None:
        """Builds the package, then adds the pictures."""
        super().run()
        if not self.editable_mode:
            folder = Path(self.build_lib, "lisa", "assets", "examples")
            folder.mkdir(parents=True, exist_ok=True)
            for path in example_files():
                self.copy_file(str(path), str(folder / path.name))

    def get_source_files(self) -> list[str]:
        """What a source distribution holds: the pictures too, or no wheel could be built from it."""
        return [*super().get_source_files(), *map(str, example_files())]


def example_files() -> list[Path]:
    """`examples.json` and the pictures it names, without their masks."""
    listing = EXAMPLES / "examples.json"
    rows = json.loads(listing.read_text(encoding="utf-8"))
    return [listing, *(EXAMPLES / row["image"] for row in rows)]


if __name__ == "__main__":
    setup(cmdclass={"build_py": BuildPy})
