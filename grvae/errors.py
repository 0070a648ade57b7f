"""The one error for what a user can mend; commands show it as one line and exit with code 1."""


class GrvaeError(Exception):
    """Bad input: says what is wrong, where, what was given and what is allowed."""
