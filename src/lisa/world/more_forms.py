"""More ways to say what a template says: what is learned from is asked in them too, nothing is ever tested in them.

"what is left of {o}" ─► "which object is to the left of {o}", wherever a lesson asks

`assets/world/forms.json` has them, by the names of the forms, written without sight of the held-out ones; those that
came out the same were left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files

CORES, WRAPPERS = {"n": "np", "q": "q", "": "sentence"}, {"n": "np_wrappers", "q": "q_wrappers"}
"""What a text is made of, see `Said.core` → the name of its list."""


@lru_cache(maxsize=1)
def _listed() -> Mapping[str, Mapping]:
    """Language → "np_wrappers", "q_wrappers", and "forms": name → "np", "q" and "sentence"."""
    return json.loads((files("lisa") / "assets" / "world" / "forms.json").read_text(encoding="utf-8"))


def more_forms(language: str, name: str, core: str, kind: str = "") -> list[str]:
    """Other cores, or whole sentences, for a form; some have others for each kind of thing. None where none are known.

    `core`: as in `Said`.
    """
    forms = _listed()[language]["forms"]
    found = next((forms[key] for key in names_of(name, kind) if key in forms), {})
    return found.get(CORES[core], [])


def names_of(name: str, kind: str) -> list[str]:
    """The names under which the forms of a name may be listed: those for a kind of thing first, shared ones last."""
    first, _, rest = name.partition(" ")
    shared = {"through": [f"{rest} subject", f"beside {rest.removesuffix('next')}"], "most": ["most"]}
    return [f"{name} {kind}", name, *shared.get(first, [])]


def more_wrappers(language: str, core: str) -> list[str]:
    """Other sentences around a noun phrase or a question."""
    return _listed()[language][WRAPPERS[core]]
