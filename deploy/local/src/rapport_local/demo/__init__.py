"""The story that `make demo` plays on the sample, every step checked."""
