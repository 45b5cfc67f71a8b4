"""The report: what it is made from, what it says, and how it is built."""

import os
import sys
from contextlib import suppress
from pathlib import Path

# jsonschema, which checks notebooks, builds a grammar of web addresses in 2 seconds if this
# package is there. A notebook's schema has none, so it is told that it is not.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

# Libraries keep caches and settings in the home folder, or in one for all temporary files. They get
# a folder beside the report instead: a home may be missing or read-only, and what a person has set
# up there could change figures.
_HOME = Path(__file__).parent / "build" / ".home"
with suppress(OSError):
    _HOME.mkdir(parents=True, exist_ok=True)
if os.access(_HOME, os.W_OK):
    for _name in ("MPLCONFIGDIR", "IPYTHONDIR", "TORCHINDUCTOR_CACHE_DIR"):
        os.environ[_name] = str(_HOME)
