"""Line charts as SVG, readable on light and on dark grounds.

    chart(
        "Cost of a produce request",
        Axis("partitions", is_log=True),
        Axis("CPU of the broker", "µs", starts_at_zero=True),
        [Series("Martlet", [(1, 5.1), (10, 5.2)]), Series("limit", [(1, 7.5), (10, 7.5)], is_dashed=True)],
    )

returns the text of a file. A scenario returns such texts by file name from `plots(report)`.
"""

import math
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 70, 32, 44, 100
# In the middle of the scale of brightness, so that they stand out on black as on white; never red beside green alone.
COLOURS = ["#2f7fd6", "#e07b1a", "#2a9d78", "#c2519b", "#8a6fd1", "#a08a1c", "#7a8590"]
DOTS = ["circle", "square", "diamond", "triangle"]
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f; }
.title { font-size: 16px; font-weight: 600; }
.grid { stroke: #8c959f; stroke-opacity: 0.3; }
.frame { stroke: #8c959f; fill: none; }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3; } }
"""


@dataclass(frozen=True)
class Axis:
    """What is drawn along one side, and how."""

    label: str
    unit: str = ""
    is_log: bool = False
    starts_at_zero: bool = False
    # Values and what is written at them, where they are not to be chosen.
    ticks: tuple = ()

    @property
    def text(self):
        return f"{self.label} ({self.unit})" if self.unit else self.label


@dataclass(frozen=True)
class Series:
    """Points (x, y) in ascending order of x; dashed for what is no measurement of this run, such as a limit."""

    name: str
    points: list = field(default_factory=list)
    is_dashed: bool = False
    has_line: bool = True


class Scale:
    """From an axis' values to places in the picture."""

    def __init__(self, axis, values, first, last):
        self.axis, self.first, self.last = axis, first, last
        values = [value for value in values if value > 0 or not axis.is_log] + [value for value, _ in axis.ticks]
        low, high = (min(values), max(values)) if values else (1, 10)
        if axis.is_log:
            low, high = math.log10(low), math.log10(high)
            # Whole decades look calm; with fixed ticks the ends are where the ticks are.
            if not axis.ticks:
                low, high = math.floor(low + 1e-9), math.ceil(high - 1e-9)
        elif axis.starts_at_zero:
            low, high = min(0, low), high * 1.08
        self.low, self.high = low, high if high > low else low + 1

    def place(self, value):
        value = math.log10(max(value, 1e-12)) if self.axis.is_log else value
        return self.first + (value - self.low) / (self.high - self.low) * (self.last - self.first)

    def ticks(self):
        if self.axis.ticks:
            return list(self.axis.ticks)
        if self.axis.is_log:
            return [(10.0**power, label(10.0**power)) for power in range(int(self.low), int(self.high) + 1)]
        step = 10 ** math.floor(math.log10(self.high - self.low))
        step = next(part * step for part in (0.1, 0.2, 0.5, 1, 2) if (self.high - self.low) / (part * step) <= 7)
        first = math.ceil(self.low / step - 1e-9)
        return [(number * step, label(number * step)) for number in range(first, int(self.high / step + 1e-9) + 1)]


def label(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.6g}"


def chart(title, x, y, series):
    """The text of an SVG file."""
    across = Scale(x, [point[0] for one in series for point in one.points], LEFT, WIDTH - RIGHT)
    up = Scale(y, [point[1] for one in series for point in one.points], HEIGHT - BOTTOM, TOP)
    body = [*grid(across, up), *axes(x, y)]
    for number, one in enumerate(series):
        body += drawn(one, number, across, up)
    body += legend(series)
    body.append(f'<text class="title" x="{LEFT}" y="26">{escape(title)}</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    content = "\n".join(body)
    return f'{head} role="img">\n<title>{escape(title)}</title>\n<style>{STYLE}</style>\n{content}\n</svg>\n'


def grid(across, up):
    for value, text in across.ticks():
        x = across.place(value)
        yield f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}"/>'
        yield f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{escape(text)}</text>'
    for value, text in up.ticks():
        y = up.place(value)
        yield f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{escape(text)}</text>'
    yield (
        f'<rect class="frame" x="{LEFT}" y="{TOP}" width="{WIDTH - LEFT - RIGHT}" height="{HEIGHT - TOP - BOTTOM}"/>'
    )


def axes(x, y):
    middle = (LEFT + WIDTH - RIGHT) / 2
    yield f'<text x="{middle}" y="{HEIGHT - BOTTOM + 40}" text-anchor="middle">{escape(x.text)}</text>'
    height = (TOP + HEIGHT - BOTTOM) / 2
    yield f'<text transform="translate(16 {height}) rotate(-90)" text-anchor="middle">{escape(y.text)}</text>'


def drawn(one, number, across, up):
    colour = COLOURS[number % len(COLOURS)]
    places = [(across.place(x), up.place(y)) for x, y in one.points]
    if one.has_line and len(places) > 1:
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        dash = ' stroke-dasharray="6 4"' if one.is_dashed else ""
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'
    for x, y in places:
        yield dot(x, y, number, colour)


def dot(x, y, number, colour):
    """Each series has its own shape too, for those who do not tell the colours apart."""
    shape = DOTS[number % len(DOTS)]
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'
    corners = {
        "square": [(-3.5, -3.5), (3.5, -3.5), (3.5, 3.5), (-3.5, 3.5)],
        "diamond": [(0, -5), (5, 0), (0, 5), (-5, 0)],
        "triangle": [(0, -5), (5, 4), (-5, 4)],
    }[shape]
    points = " ".join(f"{x + across:.1f},{y + down:.1f}" for across, down in corners)
    return f'<polygon points="{points}" fill="{colour}"/>'


def legend(series):
    """Names below the picture, in as many lines as they need."""
    x, y = LEFT, HEIGHT - 34
    for number, one in enumerate(series):
        width = 34 + 7.2 * len(one.name)
        if x + width > WIDTH - RIGHT and x > LEFT:
            x, y = LEFT, y + 20
        colour = COLOURS[number % len(COLOURS)]
        dash = ' stroke-dasharray="6 4"' if one.is_dashed else ""
        yield f'<line x1="{x}" y1="{y - 4}" x2="{x + 22}" y2="{y - 4}" stroke="{colour}" stroke-width="2"{dash}/>'
        yield dot(x + 11, y - 4, number, colour)
        yield f'<text x="{x + 28}" y="{y}">{escape(one.name)}</text>'
        x += width + 14
