# SPDX-License-Identifier: MPL-2.0
"""What portal.py does with records: filters, order, analysis, clusters, CSV.

A part of the query language of Explore v1: words, "exact phrases", NOT, AND, OR, and
comparisons of a field (: = == > < >= <=); refine, exclude, geofilter.distance and .polygon.
"""

import csv
import io
import json
import math
import re
import unicodedata

EARTH = 6371008.8  # metres


class Bad(ValueError):
    """A parameter that no portal would take."""


def plain(text):
    """Without accents and case."""
    text = unicodedata.normalize("NFD", str(text))
    return "".join(c for c in text if not unicodedata.combining(c)).casefold()


def haystack(record):
    return plain(" ".join(str(v) for v in record["fields"].values() if not isinstance(v, dict)))


# -- filters ---------------------------------------------------------------------------------
TOKEN = re.compile(r'"[^"]*"|(?:[\w.-]+(?:==|>=|<=|[:=<>])(?:"[^"]*"|\S+))|\S+')
COMPARE = re.compile(r'([\w.-]+?)(==|>=|<=|[:=<>])"?([^"]*)"?$')


def compared(have, op, want):
    if have is None:
        return False
    if op in (":", "="):
        return plain(want) in plain(have)
    if op == "==":
        return str(have) == want
    try:
        a, b = float(have), float(want)
    except (TypeError, ValueError):
        a, b = str(have), want.replace("/", "-")
    return {">": a > b, "<": a < b, ">=": a >= b, "<=": a <= b}[op]


def term(record, token):
    m = COMPARE.match(token)
    if m and not token.startswith('"') and m.group(1) in record["fields"]:
        return compared(record["fields"][m.group(1)], m.group(2), m.group(3))
    return plain(token.strip('"')) in haystack(record)


def matches(record, q):
    """OR of ANDs: the words between two ORs must all be there."""
    alternatives, negated = [True], False
    for token in TOKEN.findall(q):
        if token == "OR":
            alternatives.append(True)
        elif token == "NOT":
            negated = True
        elif token != "AND":
            alternatives[-1] = alternatives[-1] and term(record, token) != negated
            negated = False
    return any(alternatives)


def refined(record, field, value):
    have = record["fields"].get(field)
    if have is None:
        return False
    # a date's year, month and day are its path
    return str(have) == value or str(have).replace("-", "/").startswith(value + "/")


def metres(a, b):
    lat1, lon1, lat2, lon2 = map(math.radians, (*a, *b))
    h = math.sin((lat2 - lat1) / 2) ** 2 + \
        math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH * math.asin(math.sqrt(h))


def inside(point, corners):
    """By the number of sides that a ray crosses."""
    lat, lon = point
    result = False
    for (a, b), (c, d) in zip(corners, corners[1:] + corners[:1]):
        if (b > lon) != (d > lon) and lat < (c - a) * (lon - b) / (d - b) + a:
            result = not result
    return result


def place(record):
    if "geometry" not in record:
        return None
    lon, lat = record["geometry"]["coordinates"]
    return lat, lon


def numbers(text, least):
    try:
        found = [float(n) for n in re.findall(r"[^(),\s]+", text)]
    except ValueError:
        found = []
    if len(found) < least:
        raise Bad("Invalid geofilter: " + text)
    return found


def wanted_records(records, query):
    for k, v in query:
        if k == "q" and v:
            records = [r for r in records if matches(r, v)]
        elif k.startswith("refine."):
            records = [r for r in records if refined(r, k[7:], v)]
        elif k.startswith("exclude."):
            records = [r for r in records if not refined(r, k[8:], v)]
        elif k == "geofilter.distance":
            lat, lon, far = (numbers(v, 2) + [0.0])[:3]
            records = [r for r in records if place(r) and metres(place(r), (lat, lon)) <= far]
        elif k == "geofilter.polygon":
            flat = numbers(v, 6)
            corners = list(zip(flat[::2], flat[1::2]))
            records = [r for r in records if place(r) and inside(place(r), corners)]
    return records


def sort_records(records, key):
    """A field's name means the largest first, with a minus the smallest."""
    if not key:
        return records
    name = key.lstrip("-")
    have = [r for r in records if r["fields"].get(name) is not None]
    if any(isinstance(r["fields"][name], (dict, list)) for r in have):
        raise Bad("Cannot sort by " + name)
    have.sort(key=lambda r: r["fields"][name], reverse=not key.startswith("-"))
    return have + [r for r in records if r["fields"].get(name) is None]


# -- analysis --------------------------------------------------------------------------------
def spread(values):
    mean = sum(values) / len(values)
    return math.sqrt(sum((v - mean) ** 2 for v in values) / len(values))


FUNCTIONS = {"COUNT": len, "SUM": sum, "MIN": min, "MAX": max, "AVG": lambda v: sum(v) / len(v),
             "STDDEV": spread, "SUMSQUARES": lambda v: sum(x * x for x in v)}


def series_of(query):
    found = {}
    for k, v in query:
        m = re.fullmatch(r"y\.(\w+)\.(func|expr|cumulative)", k)
        if m:
            found.setdefault(m.group(1), {})[m.group(2)] = v
        elif k.startswith("y."):
            raise Bad("Invalid series: " + k)
    for name, s in found.items():
        if s.get("func", "COUNT") not in FUNCTIONS:
            raise Bad("Unknown function in series " + name)
    return found


def figure(series, group):
    if series.get("func", "COUNT") == "COUNT":
        return len(group)
    values = [r["fields"].get(series.get("expr")) for r in group]
    values = [v for v in values if isinstance(v, (int, float))]
    return FUNCTIONS[series["func"]](values) if values else None


def analyze(records, query, most):
    """The points, and whether there would have been more."""
    named = dict(query)
    x, series = named.get("x"), series_of(query)
    if not x or not series:
        raise Bad("x and one series y.NAME.func are needed")
    dotted = re.fullmatch(r"(.+)\.(year|month|day)", x)
    groups = {}
    for r in records:
        v = r["fields"].get(dotted.group(1) if dotted else x)
        if v is None:
            continue
        if dotted:
            n = {"year": 1, "month": 2, "day": 3}[dotted.group(2)]
            v = tuple(int(p) for p in str(v)[:10].split("-")[:n])
        groups.setdefault(v, []).append(r)
    points = []
    for v in sorted(groups, key=str)[:most]:
        shown = dict(zip(("year", "month", "day"), v)) if dotted else v
        points.append({"x": shown, **{n: figure(s, groups[v]) for n, s in series.items()}})
    return points, len(groups) > most


def clusters(records, precision):
    """Squares of a grid that gets finer with the precision."""
    side = 180.0 / 2 ** min(precision, 24)
    squares = {}
    for r in records:
        if place(r):
            lat, lon = place(r)
            squares.setdefault((int(lat // side), int(lon // side)), []).append((lat, lon))
    found = []
    for key in sorted(squares):
        points = squares[key]
        centre = [sum(p[i] for p in points) / len(points) for i in (0, 1)]
        found.append({"cluster_center": centre, "count": len(points), "series": {},
                      "cluster": {"type": "Point", "coordinates": centre[::-1]}})
    counts = [c["count"] for c in found] or [0]
    return {"clusters": found, "count": {"min": min(counts), "max": max(counts)}, "series": {},
            "clusterprecision": precision}


# -- forms -----------------------------------------------------------------------------------
def cell(value):
    if value is None:
        return ""
    if isinstance(value, list):
        return ",".join(str(v) for v in value)
    if isinstance(value, dict):
        return value.get("filename") or json.dumps(value, ensure_ascii=False)
    return value


def csv_rows(names, rows, separator):
    if len(separator) != 1 or ord(separator) > 127:
        raise Bad("Invalid csv_separator")
    return csv_text(names, rows, separator)


def csv_text(names, rows, separator):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\r\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([cell(row.get(n)) for n in names])
        if text.tell() > 1 << 14:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def feature(record):
    return {"type": "Feature", "geometry": record["geometry"], "properties": record["fields"]}
