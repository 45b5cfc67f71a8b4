"""The report: what it is made from, what it says, and how it is built."""

import sys

# jsonschema, which checks notebooks, builds a grammar of web addresses in 2 seconds if this
# package is there. A notebook's schema has none, so it is told that it is not.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
