"""A bar chart of ratios, as SVG. Legible on light and dark pages."""

from xml.sax.saxutils import escape

from figures import BASE, INT8, Figures
from texts import MIXED_CELL

BARS = (
    ("int8", "sealnote int8", "ours"),
    ("f32", "sealnote f32", "ours-f32"),
    (INT8, "ONNX Runtime int8", "other"),
    (BASE, "ONNX Runtime f32", "base"),
    ("pipeline", "transformers pipeline", "other"),
    ("reference", "candle f32", "other"),
)
GROUPS = (
    ("32x1", "32 tokens, one text at a time"),
    ("128x32", "128 tokens, 32 texts at a time"),
    (MIXED_CELL, "mixed lengths; ONNX Runtime and transformers in the fastest of three ways"),
)
WIDTH, LEFT, RIGHT = 760, 190, 70
BAR, GAP, HEADING, TOP, SPACE = 18, 6, 30, 64, 16

STYLE = """
  .page { fill: #ffffff; stroke: #d5d9de } .text { fill: #1f2328 } .quiet { fill: #59636e }
  .ours { fill: #0b7a75 } .ours-f32 { fill: #58a8a3 } .other { fill: #b3bac2 } .base { fill: #6e7781 }
  .line { stroke: #59636e; stroke-dasharray: 3 3 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117; stroke: #30363d } .text { fill: #e6edf3 } .quiet { fill: #9198a1 }
    .ours { fill: #2dc5bb } .ours-f32 { fill: #1d807a } .other { fill: #4d5560 } .base { fill: #8b949e }
    .line { stroke: #9198a1 }
  }
"""


def svg(figures: Figures) -> str:
    ratios = {
        (cell, key): figures.ratio(1, cell, key).middle for cell, _ in GROUPS for key, _, _ in BARS
    }
    scale = (WIDTH - LEFT - RIGHT) / max(ratios.values())
    parts, y = [], TOP
    for cell, heading in GROUPS:
        parts.append(_text(LEFT, y + 16, heading, "text", "start", bold=True))
        y += HEADING
        # The base's length; behind the bars, and the figures are right of it.
        x, end = LEFT + scale, y + len(BARS) * (BAR + GAP) - GAP
        parts.append(f'<line class="line" x1="{x:.1f}" x2="{x:.1f}" y1="{y - 4}" y2="{end + 4}"/>')
        for key, title, colour in BARS:
            ratio = ratios[cell, key]
            width = max(ratio * scale, 1)
            middle = y + BAR * 0.74
            parts.append(_text(LEFT - 10, middle, title, "text", "end"))
            parts.append(f'<rect class="{colour}" x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" rx="2"/>')
            parts.append(_text(LEFT + max(width, scale) + 7, middle, f"{ratio:.2f} ×", "text", "start"))
            y += BAR + GAP
        y += SPACE
    title = "Texts a second on one thread, as a multiple of ONNX Runtime in f32"
    machine = figures.results["machine"]
    note = f"{figures.results['model']['name']}, {machine['cpu']}. Medians of {len(figures.rounds)} interleaved rounds."
    head = [_text(20, 30, title, "text", "start", bold=True, size=16), _text(20, 50, note, "quiet", "start")]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}"'
            f' role="img" aria-label="{escape(title)}" font-family="system-ui, sans-serif" font-size="13">',
            f"<style>{STYLE}</style>",
            f'<rect class="page" x="0.5" y="0.5" width="{WIDTH - 1}" height="{y - 1}" rx="8"/>',
            *head,
            *parts,
            "</svg>\n",
        ]
    )


def _text(x: float, y: float, text: str, colour: str, anchor: str, bold: bool = False, size: int = 13) -> str:
    weight = ' font-weight="600"' if bold else ""
    size_of = f' font-size="{size}"' if size != 13 else ""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text class="{colour}" {place}{weight}{size_of}>{escape(text)}</text>'
