"""What counts as an instruction. Everything a person can type is text, `[SEG]` and `</s>` included."""

from __future__ import annotations

import unicodedata

from lisa.errors import BadInput

MAX_CHARACTERS = 4000
"""Longer instructions would not fit beside the picture in the context of the published models."""

EXAMPLE = '"Which food has the most vitamin C?"'


def check_instruction(instruction: object) -> str:
    """The instruction, without white space around it.

    Names of tokens (`[SEG]`, `<image>`, `</s>`), emoji and any script pass unchanged: they are text.

    Raises:
        BadInput: it is no text, empty, longer than `MAX_CHARACTERS`, or holds control characters or broken Unicode.
    """
    if not isinstance(instruction, str):
        raise BadInput(f"the instruction is {type(instruction).__name__}, not text: give a string such as {EXAMPLE}")
    text = instruction.strip()
    if not any(unicodedata.category(c)[0] in "LMNPS" for c in text):
        raise BadInput(f"the instruction is empty: say what to find, such as {EXAMPLE}")
    if len(text) > MAX_CHARACTERS:
        raise BadInput(f"the instruction has {len(text):,} characters: shorten it to {MAX_CHARACTERS:,} or fewer")
    for position, character in enumerate(text):
        kind = unicodedata.category(character)
        if kind == "Cs":
            raise BadInput(f"the instruction is not valid Unicode at character {position + 1}: type it as UTF-8 text")
        if kind == "Cc" and character not in "\n\r\t":
            raise BadInput(f"the instruction has control character U+{ord(character):04X}: remove it and try again")
    return text
