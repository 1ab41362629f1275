"""Compares what `mezzo embed --json` printed with the `tokenizers` package and with transformers in float32.

    python3 -m venv venv && venv/bin/pip install tokenizers transformers torch
    python3 varied_texts.py 10000 > texts.txt && mezzo embed --model DIR --json texts.txt > out.jsonl
    venv/bin/python compare_embeddings.py DIR texts.txt out.jsonl [number of embeddings to compare]
"""
import json
import sys

import numpy
from tokenizers import Tokenizer

directory, texts, output = sys.argv[1:4]
count = int(sys.argv[4]) if len(sys.argv) > 4 else 300
lines = open(texts, "rb").read().decode().split("\n")[:-1]
ours = [json.loads(line) for line in open(output)]
assert len(lines) == len(ours), f"{len(lines)} texts, {len(ours)} lines out"

length = json.load(open(f"{directory}/sentence_bert_config.json"))["max_seq_length"]
tokenizer = Tokenizer.from_file(f"{directory}/tokenizer.json")
tokenizer.enable_truncation(length)
tokenizer.no_padding()
wrong = [i for i, line in enumerate(lines) if tokenizer.encode(line).ids != ours[i]["ids"]]
print(f"ids: {len(lines) - len(wrong)} of {len(lines)} identical")
for i in wrong[:5]:
    print(ascii(lines[i])[:300], tokenizer.encode(lines[i]).ids[:40], ours[i]["ids"][:40], sep="\n  ")

import torch
from transformers import AutoModel

model = AutoModel.from_pretrained(directory, dtype=torch.float32).eval()
cosines = []
for i in range(0, len(lines), max(len(lines) // count, 1)):
    ids = torch.tensor([tokenizer.encode(lines[i]).ids])
    with torch.no_grad():
        hidden = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
    vector = torch.nn.functional.normalize(hidden.mean(1), dim=1)[0].numpy().astype(numpy.float64)
    mine = numpy.array(ours[i]["embedding"], dtype=numpy.float64)
    cosines.append(float(vector @ mine / numpy.linalg.norm(vector) / numpy.linalg.norm(mine)))
print(f"cosine over {len(cosines)} texts: least {min(cosines):.8f}, mean {numpy.mean(cosines):.8f}")
sys.exit(bool(wrong))
