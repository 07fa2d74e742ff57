"""The customer's rights over all four services: see, take along, restrict, erase; with a receipt from each.

After an erasure nothing of the person is left but: counts in the receipts; the profile ids they had, which are random
and lead nowhere; keyed hashes of their identifiers, by which a later import or message is still not answered with
advertising; and in campaign-service, under new random ids, who got which campaign and what was sold, so that its
results stay true. Dead row versions go with the next VACUUM, backups by their own retention.
"""
