"""Long work that survives the process that does it: asked for, leased by a worker, resumed, cancelled."""
