"""The table: what, ours, peer, ratio, aim."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One comparison. Without a peer, the ratio is left out and the aim is about ours alone."""

    what: str
    ours: str
    peer: str = ""
    ratio: float | None = None
    aim: str = ""
    met: bool | None = None

    def cells(self) -> list[str]:
        verdict = {True: " (met)", False: " (**missed**)", None: ""}[self.met]
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        return [self.what, self.ours, self.peer, ratio, self.aim + verdict]


def compared(
    what: str, ours: float, peer: float, name: str, unit: str, most: float | None = None
) -> Row:
    """Ours divided by the peer's, where less is better; `most` is the aim."""
    return Row(
        what,
        f"{ours:.3g} {unit}",
        f"{name}: {peer:.3g} {unit}",
        ours / peer,
        "" if most is None else f"at most {most:g}",
        None if most is None else ours / peer <= most,
    )


def limited(what: str, ours: float, unit: str, most: float) -> Row:
    """Ours against a figure."""
    return Row(what, f"{ours:.3g} {unit}", "", None, f"at most {most:g} {unit}", ours <= most)


def markdown(rows: list[Row]) -> str:
    """A table as GitHub and people read it."""
    head = ["what", "ours", "peer", "ratio", "aim"]
    cells = [head, *(row.cells() for row in rows)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(head))]
    lines = [
        "| "
        + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True))
        + " |"
        for line in cells
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])
