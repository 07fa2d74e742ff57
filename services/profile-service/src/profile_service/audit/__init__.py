"""Who read or changed which profile, when, with which token; append-only.

A change is written down in its own transaction. Reads, of which there are thousands a second, are gathered in memory
and written by COPY twice a second: those of the last half second are lost when the process is killed.
"""
