"""The rule language: rules parsed, published as a schema, compiled for every engine, explained for one customer."""
