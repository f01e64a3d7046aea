#!/usr/bin/python3
"""Makes a page of plots from what carom-bench --json wrote: plot.py report.json report.html"""

import html
import io
import json
import re
import sys
from collections import defaultdict

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

CAROM = ["#c2410c", "#e8793a", "#7c2d12", "#f0a070", "#9a5b34"]
PEERS = ["#1f4e79", "#5b8db8", "#4f6f52", "#8aa87e", "#6b5b8c", "#a596c4", "#5f6b76", "#a3adb5", "#2f7f86", "#86bfc3"]
PEER_BAR = "#9aa8b6"
COLUMNS = 2
LINES_INCHES = 3.1
LOG_FROM = 20  # largest to smallest

TITLES = {
    "uncontended": ("Nobody else wants it", "Lower is better. One thread, nanoseconds for a pair of calls."),
    "contended": ("Contended locks", "Processes that want one lock all the time; what they do while they hold it, and between."),
    "handoff": ("Hand-off", "Lower is better. A round trip between two processes that sleep for each other."),
    "wake_all": ("Waking many", "Lower is better. The call itself, and the time until the last sleeper has run, for each sleeper."),
    "barrier": ("Barrier", "Lower is better. One meeting of all parties."),
    "readers_writers": ("Readers and writers", "Higher is better."),
    "creation": ("Creation", "Lower is better."),
    "recovery": ("Recovery", "Lower is better. From kill -9 of the owner until the next owner runs, and until all sleepers had it."),
    "growth": ("Growth", "Flat is better."),
    "priority": ("Priorities", "What a waiter of high priority gets behind an owner of low priority."),
}

STYLE = """
:root { --ink: #1d232a; --soft: #5d6772; --line: #dfe3e8; --carom: #c2410c; --met: #2f6b3a; --paper: #fff; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 3rem 1.5rem 5rem; color: var(--ink); background: var(--paper);
       font: 16px/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .3rem; letter-spacing: -.01em; }
h2 { font-size: 1.35rem; margin: 3.5rem 0 .2rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.6rem 0 .3rem; }
p { margin: .2rem 0 1rem; max-width: 46rem; } .soft { color: var(--soft); }
nav a { margin-right: 1rem; color: var(--carom); text-decoration: none; } nav a:hover { text-decoration: underline; }
svg { width: 100%; height: auto; display: block; margin: .5rem 0 1rem; }
table { border-collapse: collapse; width: 100%; font-size: .84rem; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: var(--soft); border-bottom: 2px solid var(--line); }
th, td { padding: .35rem .9rem .35rem 0; vertical-align: top; } td { border-bottom: 1px solid var(--line); }
.number { text-align: right; white-space: nowrap; }
.met { color: var(--met); font-weight: 600; } .missed { color: var(--carom); font-weight: 700; }
tr.missed-row { background: #fdf3ec; } ul { padding-left: 1.2rem; font-size: .9rem; } .warning { font-weight: 600; }
"""


def is_carom(name):
    return name.startswith("carom")


def colours(names):
    """The same for one name wherever it appears; carom's are warm, and nobody else's."""
    chosen = {}
    for ours, palette in ((True, CAROM), (False, PEERS)):
        mine = [name for name in names if is_carom(name) == ours]
        for i, name in enumerate(mine):
            chosen[name] = palette[i % len(palette)]
    return chosen


def number(x):
    found = re.match(r"[\d.]+", x)
    return float(found.group()) if found else None


def wants_log(rows):
    values = [row["median"] for row in rows]
    return min(values) > 0 and max(values) / min(values) >= LOG_FROM


def spread(row):
    """Distances from the median down to the first quartile and up to the third."""
    return max(row["median"] - row["q1"], 0), max(row["q3"] - row["median"], 0)


def figure(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def draw_bars(axes, rows):
    order = sorted(rows, key=lambda row: row["median"], reverse=True)
    log = wants_log(rows)
    for at, row in enumerate(order):
        low, high = spread(row)
        axes.barh(at, row["median"], color=CAROM[0] if is_carom(row["who"]) else PEER_BAR, height=0.68, zorder=2)
        axes.errorbar(row["median"], at, xerr=[[low], [high]], color="#1d232a", lw=1, capsize=2.5, zorder=3)
        axes.annotate(figure(row["median"]), (row["q3"], at), xytext=(6, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(range(len(order)), [row["who"] for row in order])
    for label, row in zip(axes.get_yticklabels(), order):
        label.set_fontweight("bold" if is_carom(row["who"]) else "normal")
        label.set_color(CAROM[0] if is_carom(row["who"]) else "#1d232a")
    if log:
        axes.set_xscale("log")
        axes.set_xlim(min(row["median"] for row in rows) / 3, max(row["q3"] for row in rows) * 4)
    else:
        axes.set_xlim(0, max(row["q3"] for row in rows) * 1.18)
    axes.grid(axis="x", color="#e6e9ed", zorder=0)


def draw_lines(axes, rows, colour):
    places = list(dict.fromkeys(row["x"] for row in rows))
    of = defaultdict(list)
    for row in rows:
        of[row["who"]].append(row)
    for i, (who, points) in enumerate(sorted(of.items(), key=lambda item: is_carom(item[0]))):
        shift = (i - (len(of) - 1) / 2) * 0.03  # or the bars of spread would hide each other
        at = [places.index(row["x"]) + shift for row in points]
        bars = list(zip(*(spread(row) for row in points)))
        axes.errorbar(at, [row["median"] for row in points], yerr=bars, color=colour[who], marker="o", ms=5 if is_carom(who) else 4,
                      lw=2.4 if is_carom(who) else 1.3, elinewidth=1, capsize=2.5, zorder=4 if is_carom(who) else 3)
    numbers = [number(x) for x in places]
    axes.set_xticks(range(len(places)), [f"{n:,.0f}" if n is not None else x for n, x in zip(numbers, places)])
    axes.set_xlim(-0.3, len(places) - 0.7)
    words = {re.sub(r"^[\d.]+ ?", "", x) for x in places}
    axes.set_xlabel(max(words, key=len))
    if wants_log(rows):
        axes.set_yscale("log")
    else:
        axes.set_ylim(0, max(row["q3"] for row in rows) * 1.12)
    axes.grid(axis="y", color="#e6e9ed", zorder=0)


def to_svg(drawing):
    text = io.StringIO()
    drawing.savefig(text, format="svg", bbox_inches="tight", metadata={"Date": None})
    plt.close(drawing)
    svg = text.getvalue()
    return svg[svg.index("<svg"):]


def plot(rows):
    """One figure for one metric of a group: a small plot for each panel."""
    panels = defaultdict(list)
    for row in rows:
        panels[row["panel"]].append(row)
    has_lines = {panel: len({row["x"] for row in of}) > 1 for panel, of in panels.items()}
    columns = min(COLUMNS, len(panels))
    inches = [LINES_INCHES if has_lines[panel] else 0.27 * len(of) + 0.75 for panel, of in panels.items()]
    heights = [max(inches[at:at + columns]) for at in range(0, len(inches), columns)]
    drawing, grid = plt.subplots(len(heights), columns, squeeze=False, figsize=(11, sum(heights)), layout="constrained",
                                 gridspec_kw={"height_ratios": heights})
    names = list(dict.fromkeys(row["who"] for row in rows))
    colour = colours(names)
    for axes, (panel, of) in zip(grid.flat, panels.items()):
        if has_lines[panel]:
            draw_lines(axes, of, colour)
            axes.set_ylabel(of[0]["unit"])
        else:
            draw_bars(axes, of)
            axes.set_xlabel(of[0]["unit"])
        axes.set_title(panel, loc="left", fontsize=10, fontweight="bold")
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(length=0)
    for axes in list(grid.flat)[len(panels):]:
        axes.set_visible(False)
    if any(has_lines.values()):
        names = [name for name in names if any(has_lines[row["panel"]] for row in rows if row["who"] == name)]
        handles = [plt.Line2D([], [], color=colour[name], marker="o", lw=2.4 if is_carom(name) else 1.3) for name in names]
        drawing.legend(handles, names, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=min(4, len(names)), frameon=False)
    return to_svg(drawing)


def verdict_table(verdicts):
    if not verdicts:
        return "<p>No row with a target was run.</p>"
    lines = ["<table><thead><tr><th>row</th><th class=number>carom</th><th class=number>best peer</th><th></th>"
             "<th class=number>ratio</th><th class=number>target</th><th></th></tr></thead><tbody>"]
    for v in verdicts:
        word = "met" if v["met"] else "missed"
        text = {key: html.escape(str(v[key])) for key in ("row", "carom", "best_peer", "best_peer_name", "target")}
        lines.append(f'<tr class="{word}-row"><td>{text["row"]}</td><td class=number>{text["carom"]}</td>'
                     f'<td class=number>{text["best_peer"]}</td><td>{text["best_peer_name"]}</td>'
                     f'<td class=number>{v["ratio"]:.2f}</td><td class=number>{text["target"]}</td><td class={word}>{word}</td></tr>')
    return "".join(lines) + "</tbody></table>"


def listed(items):
    return "<ul>" + "".join(f"<li>{html.escape(item)}</li>" for item in items) + "</ul>" if items else "<p>None.</p>"


def page(report):
    machine = report["machine"]
    groups = defaultdict(lambda: defaultdict(list))
    for row in report["rows"]:
        groups[row["group"]][row["metric"]].append(row)
    met = sum(v["met"] for v in report["targets"])
    out = ['<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
           f"<title>carom: benchmarks</title><style>{STYLE}</style></head><body><h1>carom beside its peers</h1>",
           f'<p class="soft">{report["date"]}. {machine["processors"]} × {html.escape(machine["processor"])}, '
           f'Linux {html.escape(machine["kernel"])}, {html.escape(machine["compiler"])}, {html.escape(machine["libc"])}, '
           f'load {machine["load"]:.2f} at the beginning.</p>']
    if report["quick"]:
        out.append('<p class="warning">A quick run: it shows that everything works, and no figure in it counts.</p>')
    out.append("<p>Contestants take turns, round by round, so that all of them meet the same machine. Marks are medians, "
               "bars reach from the first quartile to the third. carom is orange, everybody else is not.</p><nav>")
    out += [f'<a href="#{group}">{TITLES.get(group, (group, ""))[0]}</a>' for group in groups]
    out.append(f"</nav><h2>Targets: {met} of {len(report['targets'])} met</h2>")
    out.append(verdict_table(report["targets"]))
    out.append(f"<h2>Behind a peer, without a target</h2>{listed(report['losses'])}")
    for group, metrics in groups.items():
        title, text = TITLES.get(group, (group, ""))
        out.append(f'<h2 id="{group}">{title}</h2><p class="soft">{text}</p>')
        for metric, rows in metrics.items():
            if len(metrics) > 1:
                out.append(f"<h3>{html.escape(metric[:1].upper() + metric[1:])}</h3>")
            out.append(plot(rows))
    out.append(f"<h2>Notes</h2>{listed(report['notes'])}</body></html>")
    return "\n".join(out)


def main():
    if len(sys.argv) != 3:
        sys.exit("plot.py report.json report.html")
    plt.rcParams.update({"font.family": "sans-serif", "font.size": 9, "svg.fonttype": "none", "axes.edgecolor": "#b8c0c8"})
    with open(sys.argv[1], encoding="utf-8") as file:
        report = json.load(file)
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(page(report))


if __name__ == "__main__":
    main()
