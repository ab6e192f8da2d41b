"""A plot with both scales logarithmic, as an SVG document: a straight line at 45 degrees is linear growth."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 900, 560, 70, 330, 50, 50
COLOURS: Final = (
    *("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b"),
    *("#e377c2", "#7f7f7f", "#bcbd22", "#17becf", "#000000"),
)
STYLE: Final = "font: 12px sans-serif; background: white"


@dataclass(frozen=True, slots=True)
class Series:
    """One line: its title and its points, whose first values are the same for every series."""

    title: str
    points: Sequence[tuple[float, float]]


def plot(title: str, axis: str, series: Sequence[Series]) -> str:
    """The document. Values below one tenth are drawn at one tenth."""
    xs = [x for one in series for x, _ in one.points]
    ys = [max(y, 0.1) for one in series for _, y in one.points]
    first, last = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))
    low, high = math.log10(min(xs)), math.log10(max(xs))

    def across(x: float) -> float:
        return LEFT + (math.log10(x) - low) / ((high - low) or 1) * (WIDTH - LEFT - RIGHT)

    def up(y: float) -> float:
        share = (math.log10(max(y, 0.1)) - first) / ((last - first) or 1)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" style="{STYLE}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="24" font-size="16">{escape(title)}</text>',
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 12}" text-anchor="end">{escape(axis)}</text>',
    ]
    for power in range(first, last + 1):
        y = up(10.0**power)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:,g}</text>')
    for x in sorted(set(xs)):
        parts.append(f'<path d="M{across(x):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>')
        parts.append(
            f'<text x="{across(x):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{x:,g}</text>'
        )
    for number, one in enumerate(series):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in one.points)
        label = TOP + 10 + 20 * number
        parts += [
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>',
            f'<path d="M{WIDTH - RIGHT + 20} {label}h20" stroke="{colour}" stroke-width="3"/>',
            f'<text x="{WIDTH - RIGHT + 48}" y="{label + 4}">{escape(one.title)}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])
