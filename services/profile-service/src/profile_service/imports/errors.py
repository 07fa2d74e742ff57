"""Problems with imports."""

from rapport.errors import NotFound, Problem


class UnknownImport(NotFound):
    name, title = "unknown-import", "There is no such import"


class FileTooLarge(Problem):
    status, name, title = 413, "file-too-large", "The file is larger than this service takes"
