"""Writes a model as ONNX in the four forms that are measured: f32 and int8, each as exported and fused.

    export.py MODEL OUT

`OUT/{f32,f32-fused,int8,int8-fused}.onnx`, from the same weights.
"""

import json
import logging
import sys
import warnings
from pathlib import Path

FORMS = ("f32", "f32-fused", "int8", "int8-fused")


def main() -> None:
    model, out = (Path(argument) for argument in sys.argv[1:])
    # The exporter and the quantiser warn of what does not apply here: the workers' answers are compared.
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    out.mkdir(parents=True, exist_ok=True)
    export(model, out / "f32.onnx")
    fuse(model, out / "f32.onnx", out / "f32-fused.onnx")
    quantize(out / "f32.onnx", out / "int8.onnx")
    quantize(out / "f32-fused.onnx", out / "int8-fused.onnx")


def export(model: Path, out: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification

    # Eager attention: its graph is the one that ONNX Runtime's fusions know.
    bert = AutoModelForSequenceClassification.from_pretrained(model, dtype="float32", attn_implementation="eager")

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bert = bert

        def forward(self, ids, mask, type_ids):  # noqa: ANN001, ANN201
            return self.bert(input_ids=ids, attention_mask=mask, token_type_ids=type_ids).logits

    ids = torch.full((2, 16), 100)
    inputs = (ids, torch.ones_like(ids), torch.zeros_like(ids))
    names = ["input_ids", "attention_mask", "token_type_ids"]
    axes = {name: {0: "batch", 1: "tokens"} for name in names} | {"logits": {0: "batch"}}
    # By tracing: of the newer exporter's graph the optimizer fuses neither attention nor embeddings.
    torch.onnx.export(
        Logits().eval(),
        inputs,
        str(out),
        input_names=names,
        output_names=["logits"],
        dynamic_axes=axes,
        opset_version=17,
        dynamo=False,
    )


def fuse(model: Path, plain: Path, out: Path) -> None:
    from onnxruntime.transformers import optimizer

    config = json.loads((model / "config.json").read_text())
    heads, hidden = config["num_attention_heads"], config["hidden_size"]
    fused = optimizer.optimize_model(str(plain), model_type="bert", num_heads=heads, hidden_size=hidden, opt_level=0)
    found = fused.get_fused_operator_statistics()
    if found["Attention"] != config["num_hidden_layers"]:
        raise SystemExit(f"ONNX Runtime's optimizer has not fused the attention of every layer: {found}")
    fused.save_model_to_file(str(out))


def quantize(f32: Path, out: Path) -> None:
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    # The type of what comes out of a fused operator, which shape inference does not know.
    options = {"DefaultTensorType": onnx.TensorProto.FLOAT}
    quantize_dynamic(f32, out, weight_type=QuantType.QInt8, extra_options=options)


if __name__ == "__main__":
    main()
