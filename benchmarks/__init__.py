"""How fast the workbook trains, side by side with a loop as the homework's references write it; not part of the tests.

`python -m benchmarks.bench` measures four trainings, `python -m benchmarks.full` the whole workbook's full profile.
"""
