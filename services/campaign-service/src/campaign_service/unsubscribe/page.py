"""The page that a reader sees: no script, nothing loaded from elsewhere, readable with any program."""

from typing import Final

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>
body {{ font: 1.1rem/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; margin: 0 }}
main {{ max-width: 34rem; margin: 4rem auto; padding: 0 1.5rem }}
button {{ font: inherit; padding: .7rem 1.4rem; color: #fff; background: #0b57a4; border: 0; border-radius: .3rem }}
button:focus-visible {{ outline: 3px solid #e69f00; outline-offset: 2px }}
</style>
</head>
<body><main>
<h1>{title}</h1>
{body}
</main></body>
</html>
"""

ASK: Final = _PAGE.format(
    title="Unsubscribe",
    body='<p>Press the button and we will not send you such messages again.</p>\n<form method="post">'
    '<button type="submit" name="List-Unsubscribe" value="One-Click">Unsubscribe</button></form>',
)
DONE: Final = _PAGE.format(
    title="You are unsubscribed",
    body="<p>We will not send you such messages again. You may close this page.</p>",
)
UNKNOWN: Final = _PAGE.format(
    title="This link is not complete",
    body="<p>Please use the whole link from the message; it may have been cut off.</p>",
)
