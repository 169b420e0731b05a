"""The figures of the pages by field, by the pages' own code.

python docs/figures/make_fields.py
"""

import os
import re
from pathlib import Path

HERE = Path(__file__).parent
PAGES = ("biochemistry", "epidemiology", "ecology")

if __name__ == "__main__":
    import matplotlib

    matplotlib.use("Agg")
    os.chdir(HERE)
    for page in PAGES:
        text = (HERE.parent / f"{page}.md").read_text(encoding="utf-8")
        code = "\n".join(re.findall(r"^```python\n(.*?)^```", text, re.M | re.S))
        exec(compile(code, page, "exec"), {"__name__": page})
