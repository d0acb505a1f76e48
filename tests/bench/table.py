"""Figures of several runs, side by side."""
import json
import statistics

NOISY = 0.15  # of the median
BUSY = 0.9    # of a processor: then the generator itself may be what is measured


def summary(values):
    """{median, spread}: half the distance between the extremes, as a part of the median."""
    median = statistics.median(values)
    spread = (max(values) - min(values)) / 2 / abs(median) if median else 0
    return {"median": median, "spread": spread, "noisy": spread > NOISY, "runs": values}


def number(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def cell(figure):
    """The median, the spread, and a mark where that is large."""
    if figure is None:
        return "-"
    spread = f" ±{figure['spread'] * 100:.0f}%" if len(figure["runs"]) > 1 else ""
    return number(figure["median"]) + spread + (" ~" if figure["noisy"] else "  ")


def collect(results):
    """{(workload, server): [figures of each run]} -> {(workload, server): {key: summary}}"""
    return {at: {key: summary([run[key] for run in runs]) for key in runs[0] if all(key in run for run in runs)}
            for at, runs in results.items()}


def markdown(rows):
    rows = [[word.strip() for word in row] for row in rows]
    rule = ["---", "---"] + ["---:"] * (len(rows[0]) - 2)
    return "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:]))


def text_table(rows):
    """The first row is the heading."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(word.ljust(w) if i < 2 else word.rjust(w) for i, (word, w) in enumerate(zip(row, widths))).rstrip()
                     for row in rows)


def get(summaries, workload, server, key):
    return summaries.get((workload.name, server), {}).get(key)


def rows_of(summaries, workloads, servers):
    """`servers`: names; the first is ours, whose ratio to the floor is shown."""
    floor = "floor" in servers
    rows = [["", "", *servers, *(["to the floor"] if floor else [])]]
    for w in workloads:
        for key, label, unit in w.figures:
            figures = [get(summaries, w, server, key) for server in servers]
            if not any(figures):
                continue
            rows.append([label, unit, *map(cell, figures)])
            if floor:
                ours, least = figures[0], get(summaries, w, "floor", key)
                rows[-1].append(f"{ours['median'] / least['median']:.1f} x" if ours and least and least["median"] else "")
    return rows


def remarks(summaries, workloads, ours):
    """What to know of how the figures came about."""
    turns = [(max(f["runs"]), w.name) for w in workloads if (f := get(summaries, w, ours, "longest_turn_ms"))]
    if turns:
        most, name = max(turns)
        yield f"Longest turn of {ours}'s loop: {most:.1f} ms, in {name}."
    shares = [f"{w.name} {f['median']:.0%}" for w in workloads if (f := get(summaries, w, ours, "generator")) and f["median"]]
    if shares:
        yield f"The generator's own processor, beside {ours}: {', '.join(shares)}."
    busy = sorted({f"{name} ({server})" for (name, server), figures in summaries.items() if figures["generator"]["median"] > BUSY})
    if busy:
        yield (f"WARNING: the generator had no time left in {', '.join(busy)}. CPU a unit holds, but the server may have been "
               "given larger batches than its own speed makes.")
    shown = {key for w in workloads for key, _, _ in w.figures}
    if any(f["noisy"] for figures in summaries.values() for key, f in figures.items() if key in shown):
        yield f"~ noisy: the runs lie more than {NOISY:.0%} around their median."


def print_json(summaries, machine):
    print(json.dumps({"machine": machine, "figures": [{"workload": w, "server": s, **figures} for (w, s), figures in
                                                      summaries.items()]}, indent=1))
