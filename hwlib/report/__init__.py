"""The report room: records in, one page in two languages out, in three views and on paper.

`collect` finds usable records and `trial` tries each; `scores` sums up seeds; `tables` and `statements*` say what the
records say, and nothing else does; `artefacts`, `summary`, `front` and `appendix` wrap it as HTML; `merge` puts it into
the notebooks' prose in the assignment's order; `views` shows it in one language or both; `build` renders, `fonts` and
`pdf` print. `prose` reads what people write in `report/`, `words` holds what appears in both languages, `published` the
numbers of others.
"""
