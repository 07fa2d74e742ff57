"""Speed, as ratios within one run on one machine; `make bench` prints the table."""
