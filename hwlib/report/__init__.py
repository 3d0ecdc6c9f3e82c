"""The report room: records in, one bilingual page out.

`collect` finds usable records, `scores` sums up seeds, `tables` and `statements` say what the records say (and nothing
else does), `artefacts` and `front` wrap it as HTML, `merge` puts it into the notebooks' prose, `build` renders, `pdf`
prints. `words` holds what appears in both languages, `published` the numbers of others.
"""
