# SPDX-License-Identifier: MPL-2.0
"""What the stand-in API (api.py) says of its datasets as a catalogue: search, filters, Croissant.

Pure functions over the details of the datasets that a stranger may see, in catalogue order.
"""

import datetime
import re

TASKS = ("N/A", "NLP", "ASR", "LID", "TTS", "MT", "LM", "LLM", "NLU", "NLG", "CALL", "RAG", "CV", "ML", "OTH")
CHOICES = {"sort": ("relevance", "newest", "size"), "sortDirection": ("asc", "desc"),
           "uploadDate": ("today", "thisWeek", "thisMonth", "thisYear"),
           "pricing": ("compensated", "free")}


class BadParameter(Exception):
    """A parameter has a value that it cannot have: its name."""


def number(query, name, default, low, high):
    text = query.get(name, [str(default)])[0]
    if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
        raise BadParameter(name)
    return int(text)


def choice(query, name):
    value = query.get(name, [None])[0]
    if value is not None and value not in CHOICES[name]:
        raise BadParameter(name)
    return value


def texts(d):
    return [str(d.get(k) or "") for k in ("name", "slug", "shortDescription", "longDescription")]


def matches(d, has_sample, query):
    words = query.get("q", [""])[0].lower().split()
    text = " ".join(texts(d)).lower()
    licences = (d.get("license"), d.get("licenseAbbreviation"))
    if not all(w in text for w in words):
        return False
    for name in ("task", "locale", "format"):
        if name in query and d.get(name) not in query[name]:
            return False
    if "license" in query and not any(v in query["license"] for v in licences if v):
        return False
    if query.get("sample", [""])[0] and not has_sample:
        return False
    pricing = choice(query, "pricing")
    return pricing is None or bool(d.get("isPaid")) == (pricing == "compensated")


def recent(d, since, today):
    days = {"today": 0, "thisWeek": 7, "thisMonth": 31, "thisYear": 366}[since]
    return (today - datetime.date.fromisoformat(d["createdAt"][:10])).days <= days


def ordered(items, query):
    sort, direction = choice(query, "sort"), choice(query, "sortDirection")
    keys = {"newest": lambda d: d["createdAt"], "size": lambda d: int(d.get("sizeBytes") or 0)}
    if sort in keys:
        return sorted(items, key=keys[sort], reverse=direction != "asc")
    words = query.get("q", [""])[0].lower().split()
    return sorted(items, key=lambda d: -sum(w in texts(d)[0].lower() for w in words))


def churned(items, page, churn):
    """What becomes of the list while somebody turns its pages."""
    if page > 1 and churn == "grow":
        return items[:1] + items
    if page > 1 and churn == "shrink":
        return items[1:]
    return items


def search(entries, query, cfg):
    """entries: pairs (details, has_sample).  GET /datasets."""
    limit = number(query, "limit", 24, 1, 100)
    page = number(query, "page", 1, 1, 10**9)
    since = choice(query, "uploadDate")
    today = datetime.datetime.now(datetime.timezone.utc).date()
    if query.get("q") == [""]:
        raise BadParameter("q")
    items = [d for d, has_sample in entries if matches(d, has_sample, query)]
    items = [d for d in items if since is None or recent(d, since, today)]
    items = churned(ordered(items, query), page, cfg.get("churn"))
    limit = min(limit, cfg.get("page_max", limit))
    return {"items": items[(page - 1) * limit:page * limit], "total": len(items)}


def filters(details):
    """GET /datasets/filters: the values that exist."""
    def values(key):
        return sorted({d[key] for d in details if d.get(key)})
    return {"tasks": [t for t in TASKS if t in values("task")], "locales": values("locale"),
            "licenses": values("licenseAbbreviation"), "formats": values("format")}


def croissant(d):
    """GET /datasets/{id}/metadata: Croissant 1.0 (JSON-LD)."""
    return {
        "@context": {"@language": "en", "@vocab": "https://schema.org/", "cr": "http://mlcommons.org/croissant/",
                     "dct": "http://purl.org/dc/terms/", "sc": "https://schema.org/"},
        "@type": "sc:Dataset", "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": d["name"], "description": d.get("longDescription") or "", "url": d["datasetUrl"],
        "license": d.get("license"), "inLanguage": [d.get("locale")], "datePublished": d["createdAt"],
        "distribution": [{"@type": "cr:FileObject", "@id": "archive", "name": d.get("filename"),
                          "contentSize": "%s B" % d.get("sizeBytes"), "contentUrl": d["datasetUrl"],
                          "encodingFormat": "application/gzip", "sha256": d.get("checksum")}],
    }
