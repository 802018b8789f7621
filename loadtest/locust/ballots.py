"""Ballots read from a file: NDJSON, a JSON array, or CSV with a header line."""

import csv
import io
import itertools
import json
import pathlib
import re


def read(path):
    """The ballots of the file as JSON texts, one each. A file without any is an error that says so."""
    path = pathlib.Path(path)
    # What is not UTF-8, as in files of hostile lines, is still sent.
    text = path.read_bytes().decode("utf-8", errors="replace")
    if path.suffix == ".csv":
        found = _typed(list(csv.DictReader(io.StringIO(text, newline=""))))
    elif text.lstrip().startswith("["):
        found = [json.dumps(ballot) for ballot in json.loads(text)]
    else:
        # Not `splitlines`, which ends lines at characters that JSON may hold.
        found = [line for line in text.split("\n") if line.strip()]
    if not found:
        raise SystemExit(f"{path} holds no ballot: `marea contest generate bands --count 100000 > {path}` makes some")
    return found


def _typed(rows):
    """CSV knows text only: a column of whole numbers alone is one of numbers, and an empty cell is left out."""
    numbers = re.compile("-?[0-9]+")
    numeric = {
        key
        for key in (rows[0] if rows else [])
        if all(numbers.fullmatch(row[key]) for row in rows if row[key])
    }
    return [
        json.dumps({key: int(value) if key in numeric else value for key, value in row.items() if value})
        for row in rows
    ]


def endless(ballots):
    """The ballots one after the other, from the beginning again at the end. Shared by all users of the process."""
    return itertools.cycle(ballots)
