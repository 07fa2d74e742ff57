"""The trade's own record: repeating attributes, each record with its history."""
