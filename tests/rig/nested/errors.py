"""The two ways in which a lane can fail without the command being at fault."""

EXIT_SKIP = 77
EXIT_TIMEOUT = 124
EXIT_MACHINE = 125
EXIT_NOT_EXECUTABLE = 126
EXIT_NOT_FOUND = 127


class Problem(Exception):
    """Ends the run: `status` is the exit status, the text is what the user reads."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


def missing(text):
    """The lane cannot run here: Meson and Automake read status 77 as "skipped"."""
    return Problem(EXIT_SKIP, text)
