"""What the collector refuses, and how it says so to SDKs in browsers too."""

from collections.abc import Sequence

from rapport.errors import BadRequest, Forbidden, Overloaded, Unauthorized

# A browser hides the answer, even this one's status, from a page of another origin without it.
CORS = {"Access-Control-Allow-Origin": "*"}


class Unreadable(BadRequest):
    """The body is too large, is not JSON or is not what its headers say."""

    name = "unreadable-body"

    def __init__(self, detail: str, errors: Sequence[dict[str, str]] = ()) -> None:
        super().__init__(detail, errors=errors, headers=CORS)


class MessagesRefused(BadRequest):
    """Some messages are not valid; nothing of the call was stored, so it can be mended and sent again."""

    name, title = "messages-refused", "Some messages are not valid"

    def __init__(self, errors: Sequence[dict[str, str]]) -> None:
        first = errors[0]
        super().__init__(
            f"{first['pointer'] or '/'}: {first['detail']} Nothing was stored.", errors=errors[:50], headers=CORS
        )


class WriteKeyNeeded(Unauthorized):
    """No write key, or not one of ours."""

    title = "A valid write key is needed"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or "Send the write key as Basic user name, as bearer token or as `writeKey`.")
        self.headers = {**CORS, "WWW-Authenticate": 'Basic realm="write key"'}


class MayNotCollect(Forbidden):
    """The write key is a token without the scope."""

    def __init__(self) -> None:
        super().__init__("The write key lacks the scope collect.", headers=CORS, scope="collect")


class Late(Overloaded):
    """The body takes so long that its place is given to others; SDKs try again."""

    name, title = "body-late", "The body did not arrive in time"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The body was not complete after {seconds:g} s; try again.")
        self.headers.update(CORS)


class Full(Overloaded):
    """More calls or bytes at a time than the collector holds; SDKs try again."""

    def __init__(self) -> None:
        super().__init__("The collector holds as many messages as it can; try again shortly.")
        self.headers.update(CORS)
