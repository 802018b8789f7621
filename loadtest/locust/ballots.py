"""Ballots read from a file: NDJSON, a JSON array, or CSV with a header line."""

import csv
import itertools
import json
import pathlib


def read(path):
    """The ballots of the file as JSON texts, one each. A file without any is an error that says so."""
    path = pathlib.Path(path)
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".csv":
        found = [json.dumps(_typed(row)) for row in csv.DictReader(text.splitlines())]
    elif text.lstrip().startswith("["):
        found = [json.dumps(ballot) for ballot in json.loads(text)]
    else:
        found = [line for line in text.splitlines() if line.strip()]
    if not found:
        raise SystemExit(f"{path} holds no ballot: `marea contest generate bands --count 100000 > {path}` makes some")
    return found


def _typed(row):
    """CSV knows text only: what reads as a whole number is one, and an empty cell is left out."""
    return {key: int(value) if value.lstrip("-").isdigit() else value for key, value in row.items() if value != ""}


def endless(ballots):
    """The ballots one after the other, from the beginning again at the end. Shared by all users of the process."""
    return itertools.cycle(ballots)
