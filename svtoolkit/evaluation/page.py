"""The HTML page of a report: one sheet of style, readable by day and night, on paper and on a phone."""

from collections.abc import Sequence
from html import escape

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --soft: #5c6670; --line: #d9dee3; --mark: #fff3d6; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e7ea; --paper: #15181c; --soft: #9aa4ae; --line: #343a41; --mark: #3d3214; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 2rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
h1 { margin: 0 0 .25rem; font-size: 1.6rem; } h2 { margin: 2.5rem 0 .75rem; font-size: 1.15rem; }
h3 { margin: 1.5rem 0 .5rem; font-size: 1rem; } p { margin: .5rem 0; }
nav { margin: 1rem 0 0; } nav a { margin-right: 1.1rem; color: inherit; }
.note { color: var(--soft); font-size: .87rem; } .wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; } th, td { padding: .35rem .7rem .35rem 0; text-align: left;
  border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; font-size: .82rem; } tr.marked td { background: var(--mark); }
th.n, td.n { text-align: right; padding-right: 1.4rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
code { font: .86em ui-monospace, "SF Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1.5rem; }
figure { margin: 0; } figure svg { width: 100%; height: auto; } figcaption { color: var(--soft); font-size: .87rem; }
svg text { fill: currentColor; font-family: inherit; } audio { height: 2rem; width: 15rem; margin-top: .3rem; }
@media print { body { max-width: none; } h2 { break-after: avoid; } audio { display: none; } }
"""


def page(title: str, lead: str, sections: Sequence[tuple[str, str]]) -> str:
    """A whole page.

    Args:
        title: plain text.
        lead: HTML under the title.
        sections: (heading in plain text, HTML) pairs; empty ones are left out.
    """
    used = [(heading, f's{number}', text) for number, (heading, text) in enumerate(sections) if text]
    links = ''.join(f'<a href="#{place}">{escape(heading)}</a>' for heading, place, _ in used)
    body = ''.join(
        f'<section id="{place}"><h2>{escape(heading)}</h2>{text}</section>' for heading, place, text in used
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><style>{STYLE}</style></head>\n'
        f'<body><header><h1>{escape(title)}</h1><p>{lead}</p><nav>{links}</nav></header>\n'
        f'<main>{body}</main></body></html>\n'
    )


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    numeric: Sequence[int] = (),
    marked: int | None = None,
) -> str:
    """A table that scrolls by itself where the screen is narrow.

    Args:
        heads: plain text of the columns; all empty for none.
        rows: HTML of the cells.
        numeric: columns set to the right.
        marked: row to point out.
    """
    classes = [' class="n"' if column in numeric else '' for column in range(len(heads))]
    head = ''.join(f'<th{kind}>{escape(name)}</th>' for kind, name in zip(classes, heads))
    lines = []
    for number, row in enumerate(rows):
        kind = ' class="marked"' if number == marked else ''
        cells = ''.join(f'<td{style}>{cell}</td>' for style, cell in zip(classes, row))
        lines.append(f'<tr{kind}>{cells}</tr>')
    top = f'<thead><tr>{head}</tr></thead>' if any(heads) else ''
    return f'<div class="wide"><table>{top}<tbody>{"".join(lines)}</tbody></table></div>'
