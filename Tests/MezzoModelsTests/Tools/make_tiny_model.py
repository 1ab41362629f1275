"""Writes the tiny random model of the tests and what transformers and tokenizers make of texts with it.

    python3 -m venv venv && venv/bin/pip install tokenizers transformers torch
    venv/bin/python Tests/MezzoModelsTests/Tools/make_tiny_model.py Tests/MezzoModelsTests/Resources
"""
import collections
import json
import os
import random
import sys

import torch
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel

sys.path.insert(0, os.path.dirname(__file__))
from varied_texts import WORDS, line

root = sys.argv[1]
folder = f"{root}/tiny"
os.makedirs(f"{folder}/1_Pooling", exist_ok=True)
source = random.Random(11)
texts = ["", " ", "Hello world", "[CLS] in text [MASK]!", "a" * 100, "a" * 101, "word\u00a0word\u3000word", "custom token, uncustom"]
texts += [" ".join(source.choice(WORDS) for _ in range(6)) for _ in range(60)] + [line(source)[:120] for _ in range(240)]

normalizer, splitter = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
counts = collections.Counter(c for text in texts for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text)) for c in word)
letters = sorted(c for c, _ in counts.most_common(300))
vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *("##" + c for c in letters)]
vocabulary += ["the", "##ing", "quick", "world", "hello", "jump", "##s", "##own", "na", "##ive"]
vocabulary = {token: index for index, token in enumerate(dict.fromkeys(vocabulary))}

tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, splitter
tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
tokenizer.add_tokens([AddedToken("Custom", normalized=True, single_word=True), AddedToken("<x>", normalized=False, lstrip=True, rstrip=True)])
tokenizer.post_processor = processors.TemplateProcessing(
    single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
tokenizer.enable_truncation(48)
tokenizer.enable_padding(length=8, pad_to_multiple_of=4)
tokenizer.save(f"{folder}/tokenizer.json", pretty=False)
texts += ["Custom tokens custom <x> x", "a <x>  b<x>c", "uncustom custom-made", "\u1e69 q\u0307\u0323 \ud55c\uae00", "\U0001d160\U0001d16d\U0001d165 \u302e\u302fx"]

torch.manual_seed(5)
config = BertConfig(
    vocab_size=tokenizer.get_vocab_size(), hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=32,
    max_position_embeddings=64, initializer_range=0.3)
model = BertModel(config, add_pooling_layer=False).eval()
for name, weight in model.named_parameters():
    if name.endswith("bias"):
        torch.nn.init.normal_(weight, std=0.1)
model.save_pretrained(folder)
for name, content in {
    "modules.json": [{"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
                     for i, (path, kind) in enumerate([("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")])],
    "1_Pooling/config.json": {"word_embedding_dimension": 16, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True},
    "sentence_bert_config.json": {"max_seq_length": 40, "do_lower_case": False},
}.items():
    json.dump(content, open(f"{folder}/{name}", "w"), indent=1)

padded = [tokenizer.encode(text) for text in texts[:40]]
cases = {"padded": [[text, encoding.ids, encoding.attention_mask] for text, encoding in zip(texts, padded)]}
tokenizer.no_padding()
tokenizer.enable_truncation(40)
cases["ids"] = [[text, tokenizer.encode(text).ids] for text in texts]
cases["embeddings"] = []
for text in texts[::6]:
    ids = torch.tensor([tokenizer.encode(text).ids])
    with torch.no_grad():
        hidden = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
    vector = torch.nn.functional.normalize(hidden.mean(1), dim=1)[0]
    cases["embeddings"].append([text, [round(x, 7) for x in vector.tolist()]])
json.dump(cases, open(f"{root}/cases.json", "w"), ensure_ascii=True, separators=(",", ":"))
