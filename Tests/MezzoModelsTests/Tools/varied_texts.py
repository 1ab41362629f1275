"""Prints varied lines of text, the same for the same count: all scripts, emoji, control characters, combining marks,
long words, unassigned code points, and tokens of the vocabulary inside text.

    python3 Tests/MezzoModelsTests/Tools/varied_texts.py 10000 > texts.txt
"""
import random
import sys
import unicodedata

WORDS = """the quick brown fox jumps over lazy dog naïve café straße Ångström résumé e-mail don't 3.14 $5 50% C++ C# foo_bar
http://example.com/a?b=c user@mail.org Übergröße İstanbul Ελλάδα Москва 東京 中文字符 日本語 한국어 ภาษาไทย हिन्दी العربية
עברית ქართული Հայերեն አማርኛ தமிழ் বাংলা [CLS] [SEP] [MASK] [PAD] [UNK] [mask] [ MASK ] ##ing ## ﬁne ① ½ ™ “quoted” —
… ‘single’ ¿qué? ¡no! 👩‍👩‍👧‍👦 👍🏽 🇩🇪 ❤️ e\u0301 a\u0308\u0323 o\u0302\u0301 \u1e69 K Ω ﷺ ｆｕｌｌ ǅ ΑΣ ẞ""".split()
BLOCKS = [(0x20, 0x7F), (0xA0, 0x250), (0x250, 0x370), (0x370, 0x530), (0x530, 0x800), (0x800, 0x1000), (0x1000, 0x1800),
          (0x1800, 0x2000), (0x2000, 0x2C00), (0x2C00, 0x3100), (0x3100, 0xA000), (0xA000, 0xD7A4), (0xE000, 0xFB00),
          (0xFB00, 0x10000), (0x10000, 0x12000), (0x12000, 0x1D000), (0x1D000, 0x1F000), (0x1F000, 0x20000),
          (0x20000, 0x30000), (0xE0000, 0xE0200), (0xF0000, 0x110000)]
MARKS = [c for c in range(0x1F000) if unicodedata.combining(chr(c))] + list(range(0x1E8D0, 0x1E8D7))


def scalar(random):
    low, high = random.choice(BLOCKS)
    c = random.randrange(low, high)
    return chr(c) if not 0xD800 <= c <= 0xDFFF else "x"


def line(random):
    kind = random.random()
    if kind < 0.35:
        text = " ".join(random.choice(WORDS) for _ in range(random.randrange(1, 40)))
    elif kind < 0.6:
        text = "".join(scalar(random) for _ in range(random.randrange(0, 60)))
    elif kind < 0.75:
        low, high = random.choice(BLOCKS)
        text = "".join(chr(c) if not 0xD800 <= (c := random.randrange(low, high)) <= 0xDFFF else " " for _ in range(40))
    elif kind < 0.85:
        text = "".join(random.choice("aeionuX ") + "".join(chr(random.choice(MARKS)) for _ in range(random.randrange(4))) for _ in range(20))
    elif kind < 0.9:
        text = random.choice(["a", "ab", "é", "한", "#", "x" * 99 + " ", "y" * 100 + " ", "z" * 101 + " "]) * random.randrange(1, 150)
    elif kind < 0.95:
        text = "".join(random.choice([random.choice(WORDS), scalar(random), chr(random.randrange(0x20)), "\u200d", "\u00ad", "\t"]) for _ in range(30))
    else:
        text = " ".join("".join(random.choice("abcdefghijklmnopqrstuvwxyz'-,.") for _ in range(random.randrange(1, 15))) for _ in range(random.randrange(300)))
    # A line is what stands between two line feeds, for every reader.
    return text.replace("\n", " ").replace("\r", " ")


if __name__ == "__main__":
    source = random.Random(7)
    for _ in range(int(sys.argv[1])):
        sys.stdout.buffer.write((line(source) + "\n").encode())
