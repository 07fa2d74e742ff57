"""Who read or changed which profile, when, with which token; append-only.

A change is written down in its own transaction. Reads, of which there are thousands a second, are written before they
are answered, those of the same few milliseconds in one statement: who has an answer is in the trail, whatever dies.
Kept in memory for half a second they would cost the hot read a sixth less, and be lost with the process.
"""
