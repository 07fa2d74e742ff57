"""What tests of all packages use: databases, servers, processes, polling."""
