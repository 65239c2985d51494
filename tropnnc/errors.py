"""The one error that bad input raises."""


class TropnncError(ValueError):
    """Bad input: one line that says what was wrong and what is accepted."""


class UnsupportedUnit(TropnncError):
    """A method cannot rewrite a unit of this shape: one line that names the unit."""


def check_choice(option: str, value: object, accepted: tuple[str, ...]) -> None:
    """Raise :class:`TropnncError` unless ``value`` is one of ``accepted``."""
    if value not in accepted:
        raise TropnncError(f"unknown {option} {value!r}; accepted are {', '.join(accepted)}")


def check_at_least_one(option: str, value: int) -> None:
    """Raise :class:`TropnncError` unless ``value`` is 1 or more."""
    if value < 1:
        raise TropnncError(f"{option} = {value} is out of range, accepted are 1 and more")
