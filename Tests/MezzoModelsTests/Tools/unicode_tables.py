"""Writes BertUnicode+Tables.swift from what the `tokenizers` package does with every code point.

    python3 -m venv venv && venv/bin/pip install tokenizers
    venv/bin/python Tests/MezzoModelsTests/Tools/unicode_tables.py Sources/MezzoModels/Tokenizer

Asking the package, rather than Unicode's files, gives the versions of Unicode that it is built with; it has several.
"""
import sys
import unicodedata

from tokenizers import normalizers, pre_tokenizers

POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def bert(**options):
    off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**off, **options}).normalize_str


clean, strip, lower, han = bert(clean_text=True), bert(strip_accents=True), bert(lowercase=True), bert(handle_chinese_chars=True)
decomposed = normalizers.NFD().normalize_str
split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str

removed = [c for c in POINTS if clean(chr(c)) == ""]
space = [c for c in POINTS if c != 32 and clean(chr(c)) == " "]
cjk = [c for c in POINTS if han(chr(c)) == f" {chr(c)} "]
pieces = {c: [piece for piece, _ in split("a" + chr(c) + "b")] for c in POINTS}
white = [c for c in POINTS if pieces[c] == ["a", "b"]]
punctuation = [c for c in POINTS if pieces[c] == ["a", chr(c), "b"]]


def has_class(c):
    """Whether the canonical combining class is not 0, seen from whether it changes places with U+0345 or U+0334."""
    return c in (0x345, 0x334) or decomposed("\u0345" + chr(c)) != "\u0345" + chr(c) or decomposed(chr(c) + "\u0334") != chr(c) + "\u0334"


ordered = {c for c in POINTS if decomposed(chr(c)) == chr(c) and has_class(c)}
marks = [c for c in POINTS if strip(chr(c)) == ""]
starters = [c for c in marks if not any(ord(x) in ordered for x in decomposed(chr(c)))]
transparent = sorted(set(marks) - set(starters))
classes = [(c, unicodedata.combining(chr(c))) for c in sorted(ordered - set(marks))]
assert all(k > 0 for _, k in classes)

stripped = {c: [ord(x) for x in strip(chr(c))] for c in POINTS if not 0xAC00 <= c <= 0xD7A3}
stripped = {c: x for c, x in stripped.items() if x not in ([], [c])}
single = {c: x[0] for c, x in stripped.items() if len(x) == 1}
several = {c: x for c, x in stripped.items() if len(x) > 1}

lowered = {c: lower(chr(c)) for c in POINTS if lower(chr(c)) != chr(c)}
assert {c for c, x in lowered.items() if len(x) > 1} == {0x130}
lowered = {c: ord(x) for c, x in lowered.items() if c != 0x130}


def ranges(points):
    result = []
    for c in points:
        if result and result[-1][1] == c - 1:
            result[-1][1] = c
        else:
            result.append([c, c])
    return [x for pair in result for x in pair]


def runs(mapping):
    """first, last, step and difference of runs that map with one difference."""
    result = []
    for c, x in sorted(mapping.items()):
        if result:
            first, last, step, difference = result[-1]
            gap = c - last
            if x - c == difference and gap in (1, 2) and (step == gap or first == last):
                result[-1] = [first, c, gap, difference]
                continue
        result.append([c, c, 1, x - c])
    return [x for run in result for x in run]


def table(name, numbers, comment, kind="UInt32"):
    words = [hex(n).upper().replace("0X", "0x") if n >= 0 else f"-{hex(-n).upper().replace('0X', '0x')}" for n in numbers]
    lines, line = [], "   "
    for word in words:
        if len(line) + len(word) + 2 > 120:
            lines.append(line)
            line = "   "
        line += f" {word},"
    return "\n".join([f"  /// {comment}", f"  static let {name}: [{kind}] = [", *lines, line, "  ]", ""])


def file(name, tables):
    text = "// Written by Tests/MezzoModelsTests/Tools/unicode_tables.py.\n\nextension BertUnicode {\n" + "\n".join(tables).rstrip() + "\n}\n"
    with open(f"{sys.argv[1]}/{name}", "w") as output:
        output.write(text)


file("BertUnicode+Classes.swift", [
    table("removed", ranges(removed), "What is removed from text: first and last of each range, as in all tables of ranges."),
    table("space", ranges(space), "What becomes a space."),
    table("white", ranges(white), "What separates words."),
    table("ideographs", ranges(cjk), "What is a word of its own in Chinese."),
    table("punctuation", ranges(punctuation), "What is a word of its own anywhere."),
    table("starterMarks", ranges(starters), "Nonspacing marks of combining class 0."),
    table("transparentMarks", ranges(transparent), "Nonspacing marks of other classes."),
    table("combiningClasses", [x for pair in classes for x in pair], "What else has a combining class, and the class."),
])
file("BertUnicode+Mappings.swift", [
    table("lowercase", runs(lowered), "First, last, step and difference of runs of capitals.", "Int32"),
    table("stripped", [x for pair in sorted(single.items()) for x in pair], "What is left of a decomposition without its marks, where that is one."),
    table("strippedSeveral", [x for c, parts in sorted(several.items()) for x in [c, len(parts), *parts]], "The same where several are left: from what, how many, and which."),
])
