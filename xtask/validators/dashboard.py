"""Reads dashboards as Grafana's own SDK does, and looks for what is lost on the way: a word that Grafana does not know.

python3 dashboard.py DASHBOARD...    exit 1 when a dashboard has such a word
"""

import json
import sys

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard


def lost(written, read, at=""):
    """Where the two differ."""
    if isinstance(written, dict) and isinstance(read, dict):
        for name, value in written.items():
            if name in read:
                yield from lost(value, read[name], f"{at}/{name}")
            else:
                yield f"{at}/{name} is no word of Grafana's"
    elif isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        for number, (one, other) in enumerate(zip(written, read)):
            yield from lost(one, other, f"{at}/{number}")
    elif written != read:
        yield f"{at} is read as {read!r}"


def check(path):
    with open(path, encoding="utf-8") as file:
        written = json.load(file)
    read = json.loads(JSONEncoder().encode(Dashboard.from_json(written)))
    complaints = list(lost(written, read))
    for complaint in complaints:
        print(f"{path}: {complaint}")
    return not complaints


dashboards = sys.argv[1:]
sys.exit(0 if dashboards and all([check(path) for path in dashboards]) else 1)
