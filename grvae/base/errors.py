"""The one error for what a user can mend; commands show it as one line and exit with code 1."""


class GrvaeError(Exception):
    """Bad input: says what is wrong, where, what was given and what is allowed."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))  # others' messages, quoted in it, have lines
