"""Prints results as Markdown tables that are also readable as plain text."""

FLOOR = "httpx"
PEER = "openai"
OURS = "asi1"


def ratio(results, name, base=FLOOR):
    """Return the median of *name* divided by that of *base*; None if one is missing."""
    value = results.get(name, {}).get("median")
    floor = results.get(base, {}).get("median")
    return value / floor if value and floor else None


def lines(rows):
    """Return the lines of a table; the first row is its header."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    made = [
        f"| {row[0]:<{widths[0]}} | "
        + " | ".join(
            f"{text:>{width}}" for text, width in zip(row[1:], widths[1:], strict=True)
        )
        + " |"
        for row in rows
    ]
    rule = [f"|{'-' * (widths[0] + 2)}|"]
    rule += [f"{'-' * (width + 1)}:|" for width in widths[1:]]
    return [made[0], "".join(rule), *made[1:]]


def table(result):
    """Return the table of a result: the floor in units, the rest as multiples of it."""
    names = [name for name in result["about"]["versions"] if name != FLOOR]
    last = [f"{OURS} / {PEER}"] if PEER in names else []
    rows = [["case", "unit", FLOOR, *names, *last]]
    for case, measured in result["cases"].items():
        results = measured["results"]
        rows.append(
            [
                case,
                measured["unit"],
                number(results.get(FLOOR, {}).get("median")),
                *(cell(results, name) for name in names),
                *(times(ratio(results, OURS, PEER)) for _ in last),
            ]
        )
    return "\n".join([head(result), "", *lines(rows), *failures(result)])


def head(result):
    """Return the paragraph above the table: versions, machine and units."""
    about = result["about"]
    versions = [f"{k} {v or 'not installed'}" for k, v in about["versions"].items()]
    runs = f"{about['runs']} runs ({about['size']}; fewer for slow cases)"
    return (
        f"Medians of {runs}: in units for {FLOOR}, as multiples of {FLOOR} for the"
        f" other contenders (in units where {FLOOR} has no value)."
        f" {', '.join(versions)}; Python {about['python']}, {about['system']},"
        f" {about['cores']} cores, {about['date']}, commit {about['commit']}."
    )


def cell(results, name):
    """Return the text of one contender's cell."""
    floors = ratio(results, name)
    if floors is not None:
        return f"{times(floors)}x"
    found = results[name]
    return number(found["median"]) if "median" in found else found["absent"]


def times(factor):
    """Return a ratio as text."""
    if factor is None:
        return "-"
    return f"{factor:.2f}" if factor >= 0.1 else f"{factor:.1g}"


def number(value):
    """Return a median as text."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def failures(result):
    """Return the lines below the table: one for each contender that failed."""
    failed = [
        f"{case}, {name}: {found['why']}"
        for case, measured in result["cases"].items()
        for name, found in measured["results"].items()
        if "why" in found
    ]
    return ["", *failed] if failed else []


def compared(old, new):
    """
    Return a table that compares two results of asi1, as multiples of the floor.

    A case in which the floor has no value is compared in units.
    """
    rows = [["case", "old", "new", "change"]]
    for case, measured in new["cases"].items():
        both = (old["cases"].get(case, {}).get("results", {}), measured["results"])
        floors = [ratio(results, OURS) for results in both]
        units = [results.get(OURS, {}).get("median") for results in both]
        if all(floors):
            rows.append([case, *(f"{value:.2f}x" for value in floors), change(*floors)])
        elif all(units):
            named = [f"{number(value)} {measured['unit']}" for value in units]
            rows.append([case, *named, change(*units)])
    return "\n".join(lines(rows))


def change(before, after):
    """Return the change of a value in per cent."""
    return f"{(after / before - 1) * 100:+.0f} %"
