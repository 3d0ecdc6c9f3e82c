"""Whether a record can be reported at all, found out by trying."""

from hwlib.errors import WorkbookError
from hwlib.record import Record
from hwlib.report import statements, statements_summary, tables
from hwlib.report.appendix import appendix
from hwlib.report.collect import arrange
from hwlib.report.prose import Prose

NOTHING = Prose(("", ""), ("", ""), (), "", "", ("", ""))


def trial(record: Record) -> None:
    """Say and tabulate everything of `record` alone; `WorkbookError` in one line when something of it cannot be.

    `collect.check` knows what is wrong with the usual damage. This is for the rest: a file that somebody edited must
    not take the report of all the other records along.
    """
    found = arrange([record])
    number = record.problem[1]
    try:
        for name, template in statements.TEMPLATES.items():
            if name[3] == number:
                statements.joined(template(found))
        for name in tables.TABLES:
            if name[3] == number:
                tables.TABLES[name](found)
        statements_summary.sentences(record.problem, found)
        appendix(found, NOTHING)
    except WorkbookError:
        raise
    except Exception as error:
        what = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise WorkbookError(f"the record holds what cannot be reported ({what}); run it again with --force") from None
