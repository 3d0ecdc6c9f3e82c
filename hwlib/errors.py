"""The one exception that the workbook raises for bad input."""


class WorkbookError(Exception):
    """Something a person can mend: one line that says what is wrong, where, and what to do.

    The command line prints the line and exits with 2. In a notebook the line stands in place of the traceback.
    """

    def _render_traceback_(self) -> list[str]:
        # IPython asks an exception for this method before it formats a traceback of its own.
        return [f"{type(self).__name__}: {self}"]
