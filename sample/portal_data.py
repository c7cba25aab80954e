# SPDX-License-Identifier: MPL-2.0
"""The datasets of portal.py: made up, the same in each run, one of each kind.

    arbres-remarquables    trees with places and accents; a text, a zipped shapefile attached
    velib                  25 000 records of stations: dates, numbers, places
    photos                 records with an image and a file each
    capteurs               empty until something is pushed
    prive                  only for who has a key
    ete-2020@autre.fr      of another portal, shown here
    O'Brien & Co, 50%      an id with odd characters
    vide                   no records, none to come
"""

import base64
import hashlib
import io
import json
import struct
import zipfile

from portal_query import cell, plain

MODIFIED = "2026-03-09T12:00:00+00:00"
PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwAD"
                         "hgGAWjR9awAAAABJRU5ErkJggg==")


def record(dataset, n, fields):
    name = hashlib.sha1(("%s/%s" % (dataset, n)).encode()).hexdigest()
    r = {"datasetid": dataset, "recordid": name, "fields": fields, "record_timestamp": MODIFIED}
    if isinstance(fields.get("geo_point_2d"), list):
        lat, lon = fields["geo_point_2d"]
        r["geometry"] = {"type": "Point", "coordinates": [lon, lat]}
    return r


def field(name, kind, facet=False):
    return {"name": name, "label": name.replace("_", " ").capitalize(), "type": kind,
            "annotations": [{"name": "facet"}] if facet else []}


def dataset(name, title, fields, records, **more):
    metas = {"title": title, "description": "<p>%s: made up for tests.</p>" % title,
             "modified": MODIFIED, "data_processed": MODIFIED, "records_count": len(records),
             "publisher": "Exemple", "license": "Licence Ouverte v2.0 (Etalab)", "language": "fr",
             "theme": ["Environnement"], "keyword": ["exemple"], "timezone": "Europe/Paris"}
    metas.update(more.pop("metas", {}))
    features = ["analyze"] + (["geo"] if any(f["type"] == "geo_point_2d" for f in fields) else [])
    return {"datasetid": name, "metas": metas, "has_records": bool(records), "data_visible": True,
            "features": features, "attachments": [], "alternative_exports": [], "fields": fields,
            "records": records, **more}


def trees():
    kinds = ["Chêne pédonculé", "Érable argenté", "Platane", "Cèdre de l'Himalaya", "If; commun"]
    rows = []
    for i in range(200):
        rows.append({"nom": kinds[i % 5], "arrondissement": "Paris %02d" % (i % 20 + 1),
                     "hauteur": round(5 + i * 7919 % 300 / 10, 1), "annee": 1700 + i * 13 % 300,
                     "remarque": 'dit "le grand"\nde la place' if i % 50 == 7 else None,
                     "geo_point_2d": [48.8 + i * 37 % 100 / 1000, 2.25 + i * 61 % 150 / 1000]})
    name = "arbres-remarquables"
    return dataset(
        name, "Arbres remarquables de Paris",
        [field("nom", "text", True), field("arrondissement", "text", True),
         field("hauteur", "double"), field("annee", "int"), field("remarque", "text"),
         field("geo_point_2d", "geo_point_2d")],
        [record(name, i, r) for i, r in enumerate(rows)],
        attachments=[attachment("lisez-moi", "Lisez-moi été.txt", "text/plain"),
                     attachment("perimetre", "périmètre.zip", "application/zip")])


def stations(shift):
    rows, towns = [], ["Paris", "Lyon", "Saint-Étienne"]
    for i in range(25000):
        n = i * 2654435761 % 1000003
        rows.append({"station": "Station %05d" % i, "ville": towns[n % 3],
                     "velos": n % 40 + shift, "capacite": n % 40 + 10,
                     "date": "%04d-%02d-%02dT%02d:00:00+00:00" % (
                         2015 + n % 10, n // 10 % 12 + 1, n // 120 % 28 + 1, n % 24),
                     "geo_point_2d": [48.0 + n % 1000 / 1000, 2.0 + n // 1000 % 1000 / 1000]})
    return dataset(
        "velib", "Stations de vélos", [
            field("station", "text"), field("ville", "text", True), field("velos", "int"),
            field("capacite", "int"), field("date", "datetime", True),
            field("geo_point_2d", "geo_point_2d")],
        [record("velib", i, r) for i, r in enumerate(rows)],
        metas={"theme": ["Transports", "Vélos"], "keyword": ["bikes", "vélo"]})


ODD_NAMES = {5: "photo 1.png", 6: "../haut/photo.png", 7: "..", 8: None, 9: "n" * 300 + ".png"}


def photos():
    rows = []
    for i in range(12):
        rows.append({"titre": "Photo n° %d" % i,
                     "image": {"id": "img%02d" % i, "filename": ODD_NAMES.get(i, "photo %d.png" % i), "width": 1,
                               "height": 1, "format": "png", "mimetype": "image/png"},
                     "notice": {"id": "file%02d" % i, "filename": "même nom.txt",
                                "mimetype": "text/plain"} if i % 3 == 0 else None,
                     "plan": {"id": "plan", "filename": "plan.zip",
                              "mimetype": "application/zip"} if i == 3 else None})
    return dataset("photos", "Photothèque", [field("titre", "text"), field("image", "file"),
                                            field("notice", "file"), field("plan", "file")],
                   [record("photos", i, r) for i, r in enumerate(rows)])


def attachment(name, title, kind):
    return {"id": name, "title": title, "mimetype": kind,
            "url": "odsfile://%s" % title}


def few(name, title, n=3, **more):
    return dataset(name, title, [field("nom", "text"), field("valeur", "int")],
                   [record(name, i, {"nom": "n%d" % i, "valeur": i * i}) for i in range(n)], **more)


def datasets(config):
    """By id, in the catalogue's order."""
    changed = config.get("modified", {})
    made = [trees(), stations(1 if "velib" in changed else 0), photos(),
            few("capteurs", "Capteurs", 0), few("prive", "Réservé", private=True),
            few("ete-2020@autre.fr", "Été 2020"), few("O'Brien & Co, 50%", "O'Brien & Co"),
            few("vide", "Rien", 0)]
    for i in range(config.get("many", 0)):
        made.append(few("serie-%05d" % i, "Série %d" % i, 1))
        made[-1]["metas"]["description"] += "x" * config.get("padding", 0)
    for d in made:
        if d["datasetid"] in changed:
            d["metas"].update(modified=changed[d["datasetid"]],
                              data_processed=changed[d["datasetid"]])
    return {d["datasetid"]: d for d in made}


def shown(d):
    return {k: v for k, v in d.items() if k not in ("records", "private")}


def search(found, query):
    for k, v in query:
        if k == "q" and v:
            found = [d for d in found if all(plain(w) in plain(d["datasetid"] + " " + " ".join(
                cell(m) if isinstance(m, list) else str(m) for m in d["metas"].values()))
                for w in v.split())]
        elif k.startswith(("refine.", "exclude.")):
            name = k[7:] if k.startswith("refine.") else k[8:]
            found = [d for d in found if has(d["metas"].get(name), v) == k.startswith("refine.")]
    sort = dict(query).get("sort", "")
    if sort:
        found = sorted(found, key=lambda d: str(d["metas"].get(sort.lstrip("-"), "")),
                       reverse=not sort.startswith("-"))
    return found


def has(meta, value):
    if isinstance(meta, list):
        return value in meta
    return str(meta) == value or str(meta).replace("-", "/").startswith(value + "/")


# -- bytes -----------------------------------------------------------------------------------
def content(item):
    """What an attachment, an image or a file consists of."""
    if item["mimetype"] == "image/png":
        return PIXEL + item["id"].encode() * 40
    if item["mimetype"] == "application/zip":
        return shapefile([(2.25, 48.8), (2.4, 48.9)])
    return ("Ceci est %s.\n" % item["id"]).encode() * 50


def shapefile(points):
    """A zip with the parts of a shapefile of points (ESRI's paper of 1998)."""
    def header(words):
        return struct.pack(">7i", 9994, 0, 0, 0, 0, 0, words) + \
            struct.pack("<2i8d", 1000, 1, -180, -90, 180, 90, 0, 0, 0, 0)
    shp, shx = [], []
    for i, (x, y) in enumerate(points):
        shx.append(struct.pack(">2i", 50 + 14 * i, 10))
        shp.append(struct.pack(">2i", i + 1, 10) + struct.pack("<i2d", 1, x, y))
    dbf = struct.pack("<4BI2H20x", 3, 126, 3, 9, len(points), 65, 6) + \
        struct.pack("<11sc4x2B14x", b"ID", b"N", 5, 0) + b"\r" + \
        b"".join(b" %5d" % i for i in range(len(points))) + b"\x1a"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in (("data.shp", header(50 + 14 * len(points)) + b"".join(shp)),
                           ("data.shx", header(50 + 4 * len(points)) + b"".join(shx)),
                           ("data.dbf", dbf), ("data.prj", b'GEOGCS["WGS 84"]')):
            z.writestr(zipfile.ZipInfo(name, (2026, 3, 9, 12, 0, 0)), data)
    return out.getvalue()


def sheet(d, records):
    """The least that is a workbook (ECMA-376)."""
    rows = [[f["name"] for f in d["fields"]]] + [
        [cell(r["fields"].get(f["name"])) for f in d["fields"]] for r in records]
    cells = "".join("<row>%s</row>" % "".join(
        '<c t="inlineStr"><is><t>%s</t></is></c>' % escaped(v) for v in row) for row in rows)
    main = "http://schemas.openxmlformats.org/"
    parts = {
        "[Content_Types].xml": '<Types xmlns="%spackage/2006/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/></Types>' % main,
        "xl/worksheets/sheet1.xml": '<worksheet xmlns="%sspreadsheetml/2006/main"><sheetData>%s'
        "</sheetData></worksheet>" % (main, cells)}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, text in parts.items():
            z.writestr(zipfile.ZipInfo(name, (2026, 3, 9, 12, 0, 0)), text)
    return out.getvalue()


def escaped(value):
    return str(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def exports(d):
    return ["csv", "json", "jsonl", "parquet", "xlsx"] + \
        (["geojson", "kml", "shp"] if "geo" in d["features"] else [])


def packed(d, records, form):
    """Type, None, pieces: the forms that are made in one go."""
    places = [r["geometry"]["coordinates"] for r in records if "geometry" in r]
    if form == "shp":
        return "application/zip", None, [shapefile(places)]
    if form in ("xlsx", "xls"):
        return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", None, [
            sheet(d, records)]
    if form == "kml":
        marks = "".join("<Placemark><Point><coordinates>%s,%s</coordinates></Point></Placemark>"
                        % tuple(p) for p in places)
        return "application/vnd.google-earth.kml+xml", None, [
            '<kml xmlns="http://www.opengis.net/kml/2.2"><Document>%s</Document></kml>' % marks]
    # parquet: its magic at both ends, and the records in between for who compares bytes
    rows = json.dumps([r["fields"] for r in records], ensure_ascii=False).encode()
    return "application/octet-stream", None, [b"PAR1", rows, struct.pack("<I", 0), b"PAR1"]
