"""The lowest versions that pyproject.toml allows, as constraints for pip: ``a>=1.2`` is ``a==1.2``.

``python .ci/lowest.py EXTRA ...`` prints those of the core and of the extras.
"""

import re
import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
for group in [project["dependencies"], *(extras[name] for name in sys.argv[1:])]:
    for requirement in group:
        name, bound = re.fullmatch(r"([\w.-]+)(?:\[\w+\])?>=([\d.]+)", requirement).groups()
        print(f"{name}=={bound}")
