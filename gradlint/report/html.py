"""The report as one HTML file: verdict, findings, picture of the layers, inputs, who depends on whom.

It fetches nothing, and a content security policy says so to the browser: only the script below may run, which
adds moving in the picture by arrow keys. Without it, everything is there and can be reached.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from html import escape
from typing import TYPE_CHECKING

import gradlint
from gradlint.finding import Severity
from gradlint.report.evidence import evidence_in_words
from gradlint.report.layers import all_pictures, layer_picture
from gradlint.report.outgoing import Syntax, outgoing
from gradlint.report.svg import CLASS, COLOURS, GLYPH, LEGEND_WIDTH, MARKERS, STYLE, draw, largest_norm, legend
from gradlint.report.text import (
    MESSAGE_WIDTH,
    Style,
    count,
    crash,
    folded,
    most_of_each_code,
    name,
    norm_text,
    place,
    sentence,
    shape_text,
    shortened,
    source_line,
    unshown,
)
from gradlint.report.verdict import consequence, verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from gradlint.finding import Finding
    from gradlint.report.layers import Box, Picture
    from gradlint.report.svg import Drawing
    from gradlint.result import Result, VariableStatus

MOST_ROWS = 150
"""A matrix of more variables than this shows those of one layer that fare alike as one row."""
MOST_COLUMNS = 24
"""A matrix of more inputs than this shows inputs with the same dependants as one column."""
MOST_INPUTS = 200
MOST_VICTIMS = 200
TALL = 1100
"""A picture higher than this, in pixels, has an overview beside it."""

_STYLE = """
*{box-sizing:border-box}html{scroll-padding-top:1rem}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,"Segoe UI","Noto Sans",sans-serif}
header,main,footer{max-width:78rem;margin:0 auto;padding:0 1.25rem}header{padding-top:1.5rem}
h1{font-size:1.35rem;margin:0 0 .5rem;overflow-wrap:anywhere}h2{font-size:1.15rem;margin:2.2rem 0 .6rem}
h3{font-size:1rem;margin:0}code,pre,.mono{font-family:ui-monospace,"DejaVu Sans Mono",Menlo,monospace;font-size:.9em}
code{overflow-wrap:anywhere}dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:.5rem 0}
dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}a{color:var(--finite)}
:focus-visible{outline:3px solid var(--finite);outline-offset:2px}
.verdict{display:inline-block;font-weight:700;padding:.35rem .9rem;border-radius:.5rem;color:var(--on);
background:var(--finite)}.verdict.error{background:var(--absent)}.verdict.warning{background:var(--zero)}
nav{display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;margin:1rem 0;padding:.5rem 0;border-block:1px solid var(--line)}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.5rem;background:var(--paper);padding:.3rem}
.finding{border:1px solid var(--line);border-left:6px solid var(--info);border-radius:.5rem;background:var(--raised);
padding:.8rem 1rem;margin:.8rem 0}.finding.error{border-left-color:var(--absent)}
.finding.warning{border-left-color:var(--zero)}.finding p{margin:.35rem 0;overflow-wrap:anywhere}
.severity{font-weight:700;color:var(--info)}.error>h3>.severity{color:var(--absent)}
.warning>h3>.severity{color:var(--zero)}pre{margin:.3rem 0;padding:.4rem .7rem;background:var(--paper);
border:1px solid var(--line);border-radius:.35rem;overflow-x:auto}summary{cursor:pointer}
table{border-collapse:collapse}th,td{padding:.2rem .7rem;text-align:left;border-bottom:1px solid var(--line)}
th{font-weight:600;color:var(--dim)}td.number,th.number{text-align:right}
td.finite,.key .finite{color:var(--finite)}td.zero,.key .zero{color:var(--zero)}
td.absent,.key .absent{color:var(--absent)}td.nonfinite,.key .nonfinite{color:var(--nonfinite)}
td.na,td.unknown,.key .na,.key .unknown{color:var(--na)}
.scroll{overflow:auto;max-width:100%;max-height:80vh;border:1px solid var(--line);border-radius:.5rem}
.scroll thead th{position:sticky;top:0;background:var(--paper);z-index:1}
.matrix th[scope=row]{font-weight:400;color:var(--ink);position:sticky;left:0;background:var(--paper)}
.matrix td:nth-child(n+4){text-align:center;font-weight:700}
.matrix td.not:nth-child(n+4){color:var(--na);font-weight:400}
.matrix thead th.turned{vertical-align:bottom;padding:.4rem .2rem}
.turned span{writing-mode:vertical-rl;transform:rotate(180deg);max-height:13rem;overflow:hidden;white-space:nowrap}
.canvas{display:flex;gap:1rem;align-items:flex-start}.paper{overflow-x:auto;flex:1;min-width:0}
.overview{position:sticky;top:.5rem;border:1px solid var(--line);border-radius:.4rem;background:var(--paper);flex:none}
.overview svg{display:block;max-height:94vh;max-width:9rem;height:auto;width:auto}.overview circle{fill:var(--absent)}
.fold{border:1px solid var(--line);border-radius:.5rem;margin:.5rem 0;padding:.4rem .8rem}
.fold>summary{font-weight:600;overflow-wrap:anywhere}.fold .dim{font-weight:400}.dim{color:var(--dim)}
.fold.stops{border-color:var(--absent)}#about{position:sticky;bottom:0;min-height:1.9em;padding:.3rem .7rem;
background:var(--raised);border:1px solid var(--line);border-radius:.4rem;z-index:2;overflow-wrap:anywhere}
footer{color:var(--dim);padding-bottom:2rem;margin-top:2rem;font-size:.9em}
@media print{.overview,#about,nav{display:none}.scroll{max-height:none}}
"""

# Up and down follow the links, left and right the boxes of one row; what is pointed at is said in words.
_SCRIPT = """
(()=>{const about=document.getElementById('about');
const say=e=>{const b=e.target.closest&&e.target.closest('.box');
if(b&&about)about.textContent=b.getAttribute('aria-label')};
document.addEventListener('focusin',say);document.addEventListener('mouseover',say);
const open=()=>{const at=location.hash.slice(1)&&document.getElementById(decodeURIComponent(location.hash.slice(1)));
for(let e=at;e;e=e.parentElement)if(e.tagName==='DETAILS')e.open=true;
if(at){at.scrollIntoView({block:at.classList.contains('box')?'center':'start'});
if(at.classList.contains('box'))at.focus({preventScroll:true})}};
addEventListener('hashchange',open);open();
const centre=e=>{const r=e.getBoundingClientRect();return[r.x+r.width/2,r.y+r.height/2]};
document.addEventListener('keydown',e=>{
const box=document.activeElement.closest('.picture .box');
const way={ArrowUp:[0,-1],ArrowDown:[0,1],ArrowLeft:[-1,0],ArrowRight:[1,0]}[e.key];
if(!box||!way||e.altKey||e.ctrlKey||e.metaKey)return;
const[x,y]=centre(box);let best=null,least=Infinity;
for(const other of box.closest('svg').querySelectorAll('.box[tabindex],a.box')){
if(other===box)continue;const[ox,oy]=centre(other),dx=ox-x,dy=oy-y,along=dx*way[0]+dy*way[1];
const beside=Math.abs(dx*way[1])+Math.abs(dy*way[0]);
if(along<6||way[0]&&beside>30)continue;const far=way[1]?along*4+beside:along;
if(far<least){least=far;best=other}}
e.preventDefault();if(best){best.focus({preventScroll:true});best.scrollIntoView({block:'nearest',inline:'nearest'})}});
})();
"""


def render(result: Result, style: Style | None = None) -> str:
    """A whole page, for browsers of 2022 or later; also readable without scripts and in print."""
    style = style or Style()
    picture = _picture_of(result)
    sections = [
        ("findings", "Findings", _findings(result, style, _boxes_of(picture))),
        ("picture", "The way of the gradient", _pictures(picture, result.findings)),
        ("inputs", "Inputs", _inputs(result)),
        ("matrix", "Variables and the inputs they depend on", _matrix(result)),
        ("notes", "About this check", _notes(result)),
    ]
    shown = [(id, title, text) for id, title, text in sections if text]
    links = "".join(f'<a href="#{id}">{title}</a>' for id, title, _ in shown)
    body = "\n".join(f'<section id="{id}"><h2>{title}</h2>\n{text}</section>' for id, title, text in shown)
    page = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_policy()}">
<meta name="color-scheme" content="light dark">
<title>{_text(verdict(result))} · {_text(result.target)}</title>
<link rel="icon" href="data:,">
<style>{COLOURS}{STYLE}{_STYLE}</style>
</head>
<body>
<a class="skip" href="#findings">Skip to the findings</a>
{_header(result)}
<main>
<nav aria-label="Parts of the report">{links}</nav>
{body}
</main>
<footer>gradlint {escape(gradlint.__version__)}</footer>
<script>{_SCRIPT}</script>
</body>
</html>"""
    return outgoing(page, Syntax.MARKUP)


def _policy() -> str:
    digest = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    # The picture's own attributes need no style of their own; the sheet above is inline.
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def _picture_of(result: Result) -> Picture | None:
    if result.graph is None or not len(result.graph):
        return None
    return layer_picture(result.graph, result.findings)


def _boxes_of(picture: Picture | None) -> dict[int, Box]:
    """For each finding the innermost box that shows it."""
    if picture is None:
        return {}
    pictures = [picture, *(inner for _, inner in all_pictures(picture))]
    return {index: box for each in pictures for box in each.boxes for index in box.findings}


def _header(result: Result) -> str:
    worst = max((finding.severity for finding in result.findings), key=lambda s: s.order, default=Severity.INFO)
    facts = [("model", result.model), ("sample", result.sample), ("loss", result.loss), ("depth", result.depth)]
    rows = "".join(f"<dt>{label}</dt><dd>{_text(fact)}</dd>" for label, fact in facts if fact)
    return (
        f'<header><h1>{_text(result.target)}</h1><p class="verdict {worst.value}" role="status">'
        f"{_text(verdict(result))}</p><p>{_text(consequence(result))}</p><dl>{rows}</dl></header>"
    )


def _findings(result: Result, style: Style, boxes: Mapping[int, Box]) -> str:
    shown, more = most_of_each_code(result.findings)
    numbers = {id(finding): index for index, finding in enumerate(result.findings)}
    articles = [
        _finding(numbers[id(finding)], finding, result, style, boxes.get(numbers[id(finding)])) for finding in shown
    ]
    articles += [f"<p>{_text(unshown(more))}</p>"] if more else []
    return "\n".join(articles) or "<p>Nothing was found.</p>"


def _finding(index: int, finding: Finding, result: Result, style: Style, box: Box | None) -> str:
    cause = finding.cause
    rows = []
    if parts := [f"<code>{_name(part)}</code>" for part in (cause.layer, cause.op) if part]:
        rows.append(("cause", " · ".join(parts)))
    if where := place(cause, style):
        rows.append(("line", f"<code>{escape(where)}</code>"))
    if finding.inputs:
        keys = ", ".join(f"<code>{_name(key)}</code>" for key in finding.inputs[:MOST_VICTIMS])
        rows.append(("inputs", keys + _and_more(len(finding.inputs))))
    if finding.variables:
        rows.append(("variables", _victims(finding.variables)))
    if box is not None:
        rows.append(("picture", f'<a href="#{box.id}">{_name(box.path or box.label)}</a>'))
    if rule := result.rule(finding.code):
        rows.append(("what to do", _text(rule.advice)))
    source = source_line(cause)
    quoted = f"<pre>{escape(source)}</pre>" if source else ""
    facts = "".join(f"<dt>{label}</dt><dd>{text}</dd>" for label, text in rows)
    return (
        f'<article class="finding {finding.severity.value}" id="finding-{index}"><h3>'
        f'<span class="severity">{finding.severity.value}</span> {_text(finding.code)} {_text(finding.name)}</h3>'
        f"<p>{_text(finding.message)}</p>{quoted}<dl>{facts}</dl>{_evidence(finding)}</article>"
    )


def _victims(variables: Sequence[str]) -> str:
    phrase = escape(folded("variable", variables))
    if len(variables) <= 4:
        return phrase
    names = "".join(f"<li><code>{_name(path, 120)}</code></li>" for path in variables[:MOST_VICTIMS])
    return f"<details><summary>{phrase}</summary><ul>{names}</ul>{_and_more(len(variables))}</details>"


def _and_more(number: int) -> str:
    return f" and {number - MOST_VICTIMS:,} more" if number > MOST_VICTIMS else ""


def _evidence(finding: Finding) -> str:
    rows = [
        f"<tr><th scope=row>{_text(label)}</th><td>{_text(said)}</td></tr>"
        for label, said in evidence_in_words(finding)
    ]
    if not rows:
        return ""
    return f"<details><summary>evidence</summary><table><tbody>{''.join(rows)}</tbody></table></details>"


# -- the picture ---------------------------------------------------------------------------------------


def _pictures(picture: Picture | None, findings: Sequence[Finding]) -> str:
    if picture is None:
        return "<p>The check ended before there was anything to draw.</p>"
    largest = largest_norm(picture)
    return (
        f"{_hint(picture)}"
        f'<div class="paper"><svg class="picture" width="{LEGEND_WIDTH:g}" height="40" '
        f'viewBox="0 0 {LEGEND_WIDTH:g} 40" role="img" aria-label="Legend">{MARKERS}{legend()}</svg></div>'
        f"{_canvas(draw(picture, findings, largest), 'the model')}"
        f"{''.join(_folds(picture, findings, largest))}"
        '<div id="about" aria-live="polite" class="dim">Point at a box, or move with the arrow keys.</div>'
    )


def _hint(picture: Picture) -> str:
    cuts = sum(link.is_cut for link in picture.links)
    places = f"{count(cuts, 'place')} where the gradient stops" if cuts else "no place where the gradient stops"
    kept = any(box.inside is not None for box in picture.boxes)
    return (
        "<p>Arrows point the way of the forward pass; their look is that of the gradient that comes back. "
        f"There {'are' if cuts > 1 else 'is'} {places}"
        f"{', outside of what is folded. Follow a box marked ▸ to see inside of it' if kept else ''}.</p>"
    )


def _canvas(drawing: Drawing, title: str, id: str = "") -> str:
    size = f'viewBox="0 0 {drawing.width:g} {drawing.height:g}"'
    own = id or "model"
    paper = (
        f'<div class="paper"><svg class="picture" {size} width="{drawing.width:g}" height="{drawing.height:g}" '
        f'role="group" aria-label="{escape(title)}"><g id="drawn-{own}" class="picture">{drawing.text}</g></svg></div>'
    )
    if drawing.height < TALL:
        return f'<div class="canvas">{paper}</div>'
    radius = max(drawing.height / 90, 9)
    marks = "".join(
        f'<a href="#{box}" aria-label="where the gradient stops"><circle cx="{x:g}" cy="{y:g}" r="{radius:g}"/></a>'
        for box, (x, y) in drawing.cuts
    )
    return (
        f'<div class="canvas">{paper}<div class="overview"><svg class="picture" {size} '
        f'width="{drawing.width:g}" height="{drawing.height:g}" role="group" '
        f'aria-label="Overview of {escape(title)}"><use href="#drawn-{own}"/>{marks}</svg></div></div>'
    )


def _folds(picture: Picture, findings: Sequence[Finding], largest: float | None) -> Iterator[str]:
    for box in picture.boxes:
        if box.inside is None:
            continue
        title = _name(box.path or box.label, 100)
        states = ", ".join(f"{number:,} {state.value}" for state, number in box.variables.items())
        more = f"; variables: {states}" if states else ""
        # What stops the gradient is what a reader came for.
        look = (" stops", " open") if box.stops else ("", "")
        yield (
            f'<details class="fold{look[0]}"{look[1]}><summary>{title} '
            f'<span class="dim">{_text(box.about)}{more}</span></summary>'
            f'<div id="in-{box.id}"><p><a href="#{box.id}">back to its box</a></p>'
            f"{_canvas(draw(box.inside, findings, largest), f'inside {name(box.path or box.label)}', box.id)}"
            f"{''.join(_folds(box.inside, findings, largest))}</div></details>"
        )


# -- tables --------------------------------------------------------------------------------------------


def _inputs(result: Result) -> str:
    if not result.inputs:
        return ""
    trainable = sum(variable.trainable for variable in result.variables)
    rows = []
    for status in result.inputs[:MOST_INPUTS]:
        reached = "-" if status.reached is None else f"{status.reached:,} of {trainable:,}"
        rows.append(
            f"<tr><th scope=row><code>{_name(status.key)}</code></th>"
            f"<td>{'missing' if status.shape is None else escape(shape_text(status.shape))}</td>"
            f"<td>{_text(status.dtype or '-')}</td>"
            f'<td class="{CLASS[status.gradient]}">{GLYPH[status.gradient]} {status.gradient.value}</td>'
            f"<td class=number>{norm_text(status.norm)}</td><td class=number>{reached}</td></tr>"
        )
    heads = "".join(f"<th scope=col>{title}</th>" for title in ("input", "shape", "dtype", "gradient"))
    numbers = "".join(f"<th scope=col class=number>{title}</th>" for title in ("norm", "variables reached"))
    more = f"<p>and {len(result.inputs) - MOST_INPUTS:,} more inputs</p>" if len(result.inputs) > MOST_INPUTS else ""
    return f"{_scroll('Inputs', heads + numbers, rows)}{more}"


def _matrix(result: Result) -> str:
    if not result.variables:
        return ""
    rows = _rows(result.variables)
    columns = _columns(result)
    heads = "<th scope=col>variable</th><th scope=col>gradient</th><th scope=col class=number>norm</th>" + "".join(
        f'<th scope=col class=turned title="{escape(title)}"><span>{escape(name(title, 40))}</span></th>'
        for title, _ in columns
    )
    lines = []
    for title, first, norm in rows:
        state = CLASS[first.gradient]
        # A frozen variable has no gradient to arrive; that an input meets it there is still worth a dot.
        glyph = GLYPH[first.gradient] if first.trainable else "·"
        cells = "".join(
            f"<td class={state}>{glyph}" if key in first.inputs else "<td class=not>·" for _, key in columns
        )
        frozen = "" if first.trainable else " <span class=dim>not trainable</span>"
        lines.append(
            f"<tr><th scope=row><code>{escape(title)}</code>{frozen}<td class={state}>{GLYPH[first.gradient]} "
            f"{first.gradient.value}<td class=number>{norm}{cells}</tr>"
        )
    states = Counter(variable.gradient for variable in result.variables if variable.trainable)
    key = ", ".join(
        f'<span class="{CLASS[state]}">{GLYPH[state]} {state.value}</span> {number:,}'
        for state, number in states.items()
    )
    return (
        f'<p class="key">Trainable variables: {key or "none"}. A sign under an input says that the variable is on '
        f"its branch, and which gradient the variable gets.</p>{_scroll('Variables by input', heads, lines, 'matrix')}"
    )


def _rows(variables: Sequence[VariableStatus]) -> Iterator[tuple[str, VariableStatus, str]]:
    """Titles, a variable that stands for its row, and norms."""
    if len(variables) <= MOST_ROWS:
        for variable in variables:
            yield name(variable.path, 100), variable, norm_text(variable.norm)
        return
    alike: dict[tuple[object, ...], list[VariableStatus]] = {}
    for variable in variables:
        layer = variable.path.rpartition("/")[0]
        alike.setdefault((layer, variable.inputs, variable.gradient, variable.trainable), []).append(variable)
    for group in alike.values():
        if len(group) == 1:
            yield name(group[0].path, 100), group[0], norm_text(group[0].norm)
            continue
        layer = group[0].path.rpartition("/")[0]
        parts = ", ".join(name(variable.path.rpartition("/")[2], 30) for variable in group[:4])
        norms = [variable.norm for variable in group if variable.norm is not None]
        norm = f"{norm_text(min(norms))} to {norm_text(max(norms))}" if norms else "-"
        yield f"{name(layer, 80)}/{{{parts}{', …' if len(group) > 4 else ''}}}", group[0], norm


def _columns(result: Result) -> list[tuple[str, str]]:
    """Titles, and the key that stands for its column."""
    keys = [status.key for status in result.inputs]
    if len(keys) <= MOST_COLUMNS:
        return [(name(key), key) for key in keys]
    fed: dict[str, list[int]] = {key: [] for key in keys}
    for index, variable in enumerate(result.variables):
        for key in variable.inputs:
            if key in fed:
                fed[key].append(index)
    alike: dict[tuple[int, ...], list[str]] = {}
    for key, indices in fed.items():
        alike.setdefault(tuple(indices), []).append(key)
    return [
        (name(group[0]) + (f" and {len(group) - 1:,} more" if len(group) > 1 else ""), group[0])
        for group in alike.values()
    ][:MOST_INPUTS]


def _scroll(label: str, heads: str, rows: Iterable[str], kind: str = "") -> str:
    newline = "\n"
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}"><table class="{kind}">'
        f"<thead><tr>{heads}</tr></thead><tbody>{newline.join(rows)}</tbody></table></div>"
    )


def _notes(result: Result) -> str:
    lines = [_text(crash(rule)) for rule in result.crashed]
    lines += [_text(note) for note in result.notes]
    lines += [f"{_text(skipped.code)} did not run: {_text(skipped.reason)}" for skipped in result.skipped]
    if result.rules:
        lines.append(f"{count(len(result.rules), 'rule')} ran: {_text(', '.join(result.rules))}")
    return f"<ul>{''.join(f'<li>{line}</li>' for line in lines)}</ul>" if lines else ""


def _text(text: str) -> str:
    return escape(shortened(sentence(text), MESSAGE_WIDTH))


def _name(text: str, width: int = 80) -> str:
    return escape(name(text, width))
