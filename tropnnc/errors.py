"""The one error that bad input raises."""


class TropnncError(ValueError):
    """Bad input: one line that says what was wrong and what is accepted."""


def check_choice(option: str, value: object, accepted: tuple[str, ...]) -> None:
    """Raise :class:`TropnncError` unless ``value`` is one of ``accepted``."""
    if value not in accepted:
        raise TropnncError(f"unknown {option} {value!r}; accepted are {', '.join(accepted)}")
