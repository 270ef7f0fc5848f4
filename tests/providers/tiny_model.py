"""``python tiny_model.py FILE``: writes a language model of one layer and random weights. Needs ``gguf`` and ``numpy``.

It is of Llama's architecture and knows single letters. It babbles, but always the same for the same prompt.
"""

from __future__ import annotations

import string
import sys

import gguf
import numpy

WIDTH, HEADS, CONTEXT = 32, 4, 256
SPECIAL = [b"<unk>", b"<s>", b"</s>"]
BYTES = [f"<0x{number:02X}>".encode() for number in range(256)]
LETTERS = ["\u2581".encode(), *(letter.encode() for letter in string.ascii_lowercase)]  # the first is the blank
TOKENS = [*SPECIAL, *BYTES, *LETTERS]


def write(path: str) -> None:
    """Write the model to ``path``."""
    writer = gguf.GGUFWriter(path, "llama")
    _describe(writer)
    _tokens(writer)
    _weights(writer, numpy.random.default_rng(7))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _describe(writer: gguf.GGUFWriter) -> None:
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(2 * WIDTH)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_chat_template("{% for message in messages %}{{ message['content'] }}{% endfor %}")


def _tokens(writer: gguf.GGUFWriter) -> None:
    kinds = gguf.TokenType
    writer.add_vocab_size(len(TOKENS))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(TOKENS)
    writer.add_token_scores([0.0] * len(TOKENS))
    special = [kinds.UNKNOWN, kinds.CONTROL, kinds.CONTROL]
    writer.add_token_types([*special, *[kinds.BYTE] * len(BYTES), *[kinds.NORMAL] * len(LETTERS)])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)


def _weights(writer: gguf.GGUFWriter, chance: numpy.random.Generator) -> None:
    def random(name: str, *shape: int) -> None:
        writer.add_tensor(f"{name}.weight", chance.standard_normal(shape, numpy.float32) * numpy.float32(0.3))

    def ones(name: str) -> None:
        writer.add_tensor(f"{name}.weight", numpy.ones(WIDTH, numpy.float32))

    output = chance.standard_normal((len(TOKENS), WIDTH), numpy.float32)
    output[: -len(LETTERS)] = 0  # it only ever says letters, and never stops by itself
    writer.add_tensor("output.weight", output)
    random("token_embd", len(TOKENS), WIDTH)
    ones("output_norm")
    for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
        random(f"blk.0.{part}", WIDTH, WIDTH)
    random("blk.0.ffn_gate", 2 * WIDTH, WIDTH)
    random("blk.0.ffn_up", 2 * WIDTH, WIDTH)
    random("blk.0.ffn_down", WIDTH, 2 * WIDTH)
    ones("blk.0.attn_norm")
    ones("blk.0.ffn_norm")


if __name__ == "__main__":
    write(sys.argv[1])
