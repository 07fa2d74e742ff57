"""Server settings worked out from the memory of this machine."""

import os
from pathlib import Path

MB = 1024 * 1024
GB = 1024 * MB
CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108


def machine_memory() -> int:
    """Bytes this process may use: the machine's, or less where a container limits it."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in CGROUP_LIMITS:
        try:
            limit = path.read_text().strip()
        except OSError:
            continue
        if limit.isdecimal():
            total = min(total, int(limit))
    return total


def _clamp(value: int, low: int, high: int) -> str:
    return f"{max(low, min(value, high)) // MB}MB"


def server_settings(memory: int | None = None) -> dict[str, str]:
    """Settings for one machine that also runs the four services beside the server; `memory` in bytes."""
    memory = machine_memory() if memory is None else memory
    settings = {
        "shared_buffers": _clamp(memory // 8, 128 * MB, 2 * GB),
        "effective_cache_size": _clamp(memory // 2, 512 * MB, 64 * GB),
        "work_mem": _clamp(memory // 512, 8 * MB, 64 * MB),
        "maintenance_work_mem": _clamp(memory // 32, 64 * MB, GB),
        "max_connections": "200",
        "max_locks_per_transaction": "256",
        "max_wal_size": "4GB",
        "min_wal_size": "256MB",
        "wal_compression": "pglz",
        "checkpoint_timeout": "15min",
        "checkpoint_completion_target": "0.9",
        "synchronous_commit": "on",
        "random_page_cost": "1.1",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %d ",
        "log_min_duration_statement": "2s",
        # Values in the log would be personal data: no parameters, no DETAIL lines, no failing statements.
        "log_parameter_max_length": "0",
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
    }
    if _shared_memory_is_small():
        # Containers often have 64 MB there, which a parallel query exceeds.
        settings["dynamic_shared_memory_type"] = "mmap"
    return settings


def _shared_memory_is_small() -> bool:
    try:
        volume = os.statvfs(SHARED_MEMORY)
    except OSError:
        return True
    return volume.f_bavail * volume.f_frsize < 512 * MB
