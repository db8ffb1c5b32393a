"""Errors a caller or a user can cause; each names the thing, what was expected and what to do next."""


class RsuperError(Exception):
    """Any error that is the user's to mend: shown without a traceback."""


class ConfigError(RsuperError):
    """An experiment file is missing, incomplete or contradicts itself."""


class ArtifactError(RsuperError):
    """A file passed between two rules is missing, damaged or has the wrong columns."""


class DataError(RsuperError):
    """A cohort, CT, mask or report cannot be used as it is."""


class MethodError(RsuperError):
    """A method folder breaks its contract, or a method asks for what its card does not declare."""


class VerificationError(RsuperError):
    """A results folder is not what its manifest says."""


class NonFiniteError(ValueError):
    """A loss met NaN or infinity; `index` is the first such entry of its batch axis."""

    def __init__(self, name: str, index: int) -> None:
        super().__init__(f"{name} of batch entry {index} is not finite")
        self.index = index
