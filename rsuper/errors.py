"""Errors a caller or a user can cause; each names the thing, what was expected and what to do next."""

from collections.abc import Sequence

NAMED = 10  # problems that a message lists; the others it counts
LONGEST = 3000  # characters of a message


class RsuperError(Exception):
    """Any error that is the user's to mend: shown without a traceback, as one paragraph of printable text.

    What a file holds comes into messages: a cell, a key, another library's words. It may have lines of its
    own, control a terminal, or be as long as the file.
    """

    def __init__(self, message: str) -> None:
        lines = " ".join(line.strip() for line in message.splitlines() if line.strip())
        text = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in lines)
        if len(text) > LONGEST:
            text = f"{text[:LONGEST]} [and {len(text) - LONGEST} characters more]"
        super().__init__(text)


def listed(problems: Sequence[str], joint: str = "; ") -> str:
    """Return the first ten problems, and how many more there are."""
    more = f" (and {len(problems) - NAMED} more)" if len(problems) > NAMED else ""
    return joint.join(problems[:NAMED]) + more


class ConfigError(RsuperError):
    """An experiment file is missing, incomplete or contradicts itself."""


class ArtifactError(RsuperError):
    """A file passed between two rules is missing, damaged or has the wrong columns."""


class DataError(RsuperError):
    """A cohort, CT, mask or report cannot be used as it is."""


class DamagedError(DataError):
    """An image is missing or cannot be read to its end."""


class MethodError(RsuperError):
    """A method folder breaks its contract, or a method asks for what its card does not declare."""


class VerificationError(RsuperError):
    """A results folder is not what its manifest says."""


class MachineError(RsuperError):
    """The machine refused something: its disk is full or may not be written, or memory has run out."""


class NonFiniteError(ValueError):
    """A loss met NaN or infinity; `index` is the first such entry of its batch axis."""

    def __init__(self, name: str, index: int) -> None:
        super().__init__(f"{name} of batch entry {index} is not finite")
        self.index = index
