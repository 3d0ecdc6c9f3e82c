"""How the files of a release become the course's images: one module a kind of set, a split at a time."""
