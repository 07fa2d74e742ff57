"""The account the database server runs under: PostgreSQL refuses root."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from rapport_local.child import CAP_DAC_OVERRIDE

OVERFLOW_ID = 65534


@dataclass(frozen=True)
class Account:
    """Who owns the data and runs the server; `user` is None to stay who we are."""

    user: tuple[int, int] | None = None

    @classmethod
    def current(cls) -> "Account":
        """`nobody` for root, else ourselves."""
        if os.geteuid() != 0:
            return cls()
        try:
            nobody = pwd.getpwnam("nobody")
        except KeyError:
            return cls((OVERFLOW_ID, OVERFLOW_ID))
        return cls((nobody.pw_uid, nobody.pw_gid))

    @property
    def uid(self) -> int:
        return os.geteuid() if self.user is None else self.user[0]

    def own(self, path: Path) -> None:
        """Hand `path` itself, not what is in it, to the account."""
        if self.user is not None:
            os.chown(path, *self.user, follow_symlinks=False)

    def capability_for(self, *paths: Path) -> int | None:
        """The capability the account needs to come to all `paths`, None if ordinary permissions do.

        As root the tree may lie under a private folder, such as /root, or be written with a strict umask. The
        server then keeps one capability, to pass by permissions, rather than the folders being opened to all.
        """
        if self.user is None or all(self._can_enter(path.resolve()) for path in paths):
            return None
        return CAP_DAC_OVERRIDE

    def _can_enter(self, path: Path) -> bool:
        return all(self._may_search(folder.stat()) for folder in (path, *path.parents) if folder.exists())

    def _may_search(self, status: os.stat_result) -> bool:
        uid, gid = self.user or (os.geteuid(), os.getegid())
        if status.st_uid == uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid == gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)
