"""The page: what is in it, and that nothing from a model file is more than text."""

from __future__ import annotations

import ast
import base64
import hashlib
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from itertools import combinations, pairwise

import pytest
from layer_graphs import ARGMAX, STOPPED, chain, nested, result_of, towers
from shared_result import FINDINGS, HEALTHY, HOSTILE, SHARED, WIDE
from test_report_formats import NASTY, nasty

from gradlint.report import FORMATS
from gradlint.report.bars import draw_bars, layer_bars
from gradlint.report.layers import layer_picture
from gradlint.report.layout import layered
from gradlint.report.picture import Box, Picture, all_pictures
from gradlint.report.svg import draw
from gradlint.report.template import FOLDER
from gradlint.report.text import Style
from gradlint.result import GradientState, Result, VariableStatus

DOCUMENTED = (ast.Module, ast.FunctionDef, ast.ClassDef)
VOID = {"meta", "link", "img", "br", "input"}
TAGS = {
    *("html", "head", "meta", "title", "link", "style", "body", "header", "main", "footer", "nav", "section", "script"),
    *("h1", "h2", "h3", "p", "a", "dl", "dt", "dd", "ul", "li", "pre", "code", "article", "span", "div", "details"),
    *("summary", "table", "thead", "tbody", "tr", "th", "td", "svg", "defs", "marker", "path", "g", "rect", "text"),
    *("tspan", "circle", "use", "strong", "small"),
}


class Page(HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.tags if attributes.get("id")]


def page(result: Result) -> Page:
    return Page(FORMATS["html"](result, Style(folder="/", root="/")))


PAGES = {
    "shared": SHARED,
    "healthy": HEALTHY,
    "wide": WIDE,
    "towers": result_of(towers(), ARGMAX),
    "nested": result_of(nested()),
    "chain": result_of(chain(300, skips=5, cut=120), STOPPED),
}


@pytest.mark.parametrize("result", PAGES.values(), ids=PAGES)
def test_links_and_identifiers_belong_together(result: Result) -> None:
    found = page(result)
    assert len(found.ids) == len(set(found.ids))
    for _, attributes in found.tags:
        target = attributes.get("href")
        if target and target != "data:,":
            assert target.startswith("#")
            assert target[1:] in found.ids


@pytest.mark.parametrize("result", [*PAGES.values(), *map(nasty, NASTY.values())], ids=[*PAGES, *NASTY])
def test_any_name_is_text_and_nothing_is_fetched(result: Result) -> None:
    found = page(result)
    assert {tag for tag, _ in found.tags} <= TAGS | {"title"}
    assert [tag for tag, _ in found.tags].count("script") == 1
    for _, attributes in found.tags:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "srcset", "style")]
    text = FORMATS["html"](result, Style())
    assert not re.search(r"url\((?!#to-)|@import|<base|http-equiv=\"refresh", text)


def test_the_policy_allows_the_one_script_and_nothing_else() -> None:
    text = FORMATS["html"](SHARED, Style())
    (script,) = re.findall(r"(?s)<script>(.*?)</script>", text)
    (policy,) = map(unescape, re.findall(r'Content-Security-Policy" content="([^"]*)"', text))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy == (f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'")


def test_the_sentence_of_an_experiment_is_whole() -> None:
    sentence = (
        "with the gradient let through `Round` at a_file_with_a_long_name.py:5, all 3 victims receive one, norm 0.9"
    )
    finding = replace(FINDINGS[0], evidence={"experiments": [sentence, "and once more"]})
    assert f"{sentence}; and once more" in unescape(FORMATS["html"](replace(SHARED, findings=(finding,)), None))


def test_findings_show_their_evidence_and_their_place_in_the_picture() -> None:
    words = " ".join(page(SHARED).words)
    for finding in FINDINGS:
        assert f"{finding.code} {finding.name}" in words
    assert "80%" in words
    assert "-inf" in words
    assert "hard = tf.round(x)" in " ".join(page(replace(SHARED, findings=FINDINGS[:1])).words)
    found = page(PAGES["towers"])
    (link,) = [a for tag, a in found.tags if tag == "a" and a.get("href", "").startswith("#b") and "class" not in a][:1]
    assert link["href"][1:] in found.ids
    assert any(a.get("class") == "fold stops" and "open" in a for tag, a in found.tags if tag == "details")


def test_the_matrix_has_a_row_for_each_variable_and_a_column_for_each_input() -> None:
    text = FORMATS["html"](SHARED, Style())
    matrix = text.split('<table class="matrix">')[1].split("</table>")[0]
    assert matrix.count("<tr>") == 1 + len(SHARED.variables)
    assert matrix.count('class="turned"') == len(SHARED.inputs)
    row = next(line for line in matrix.splitlines() if "tower_1/dense/kernel" in line)
    assert row.endswith("●</td>" + '<td class="not">·</td>' * (len(SHARED.inputs) - 1) + "</tr>")


def test_the_strength_of_each_layer_is_a_bar() -> None:
    variables = tuple(
        VariableStatus(f"layer_{n}/kernel", (4,), "float32", True, GradientState.FINITE, 10.0 ** (n - 9))
        for n in range(10)
    )
    lost = VariableStatus("lost/kernel", (4,), "float32", True, GradientState.ABSENT)
    drawn = draw_bars(layer_bars((*variables, lost)))
    widths = [float(width) for width in re.findall(r'class="bar" x="[\d.]+" y="-?\d+" width="([\d.]+)"', drawn)]
    steps = [after - before for before, after in pairwise(widths[1:])]
    assert len(widths) == 10
    assert max(steps) - min(steps) < 0.2  # ten times the norm is one step more
    assert "✕ no gradient" in drawn
    assert draw_bars(layer_bars((lost,))) == ""


def test_one_cause_stops_the_gradient_once() -> None:
    for result in (PAGES["chain"], PAGES["towers"]):
        text = FORMATS["html"](result, Style())
        assert "it stops at 1 place" in text
        assert text.count(">stops here</text>") == 2  # one of them in the legend


def test_the_page_is_made_of_files_in_the_package() -> None:
    names = {path.name for path in FOLDER.iterdir()}
    assert {"page.html.jinja", "cell.html.jinja", "page.css", "picture.css", "colours.css", "page.js"} <= names
    assert {"picture.svg.jinja", "bars.svg.jinja"} <= names


@pytest.mark.parametrize("file", ["svg.py", "bars.py", "html.py", "index.py", "notebook.py"])
def test_code_holds_no_markup(file: str) -> None:
    """What is put into a template is escaped by it; markup that an f-string makes is safe if somebody thinks of it."""
    tree = ast.parse((FOLDER.parent / file).read_text(encoding="utf-8"))
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    docs = {ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(node, DOCUMENTED)}
    assert [text for text in texts if re.search(r"</?[a-z]", text) and text not in docs] == []


def test_a_box_is_as_wide_as_its_name_looks() -> None:
    """`'` is one character on the screen, and six in the file."""
    widths = set()
    for label in ("a" * 30, "'" * 30):
        drawn = draw(Picture((Box("b", "layer", label),), ()), (), None).text
        widths |= set(re.findall(r'class="frame"[^>]* width="([\d.]+)"', drawn))
    assert len(widths) == 1


def test_a_big_matrix_is_folded() -> None:
    variables = tuple(
        VariableStatus(
            f"block_{n}/dense/{part}", (4,), "float32", True, GradientState.FINITE, 0.5, (f"feature_{n % 64}",)
        )
        for n in range(200)
        for part in ("kernel", "bias")
    )
    text = FORMATS["html"](replace(WIDE, variables=variables), Style())
    matrix = text.split('<table class="matrix">')[1].split("</table>")[0]
    assert "block_7/dense/{kernel, bias}" in matrix
    assert "5.00e-01 to 5.00e-01" in matrix
    assert matrix.count('class="turned"') == 65  # 64 inputs with variables, and one column for all without
    assert "feature_64 and 63 more" in matrix


@pytest.mark.parametrize("result", PAGES.values(), ids=PAGES)
def test_boxes_do_not_overlap(result: Result) -> None:
    if result.graph is None:
        pytest.skip("nothing is drawn")
    picture = layer_picture(result.graph)
    for each in [picture, *(inner for _, inner in all_pictures(picture))]:
        sizes = {box.id: (120.0, 40.0) for box in each.boxes}
        layout = layered(sizes, [(link.source, link.target) for link in each.links])
        for one, other in combinations(sizes, 2):
            (x, y), (to_x, to_y) = layout.centres[one], layout.centres[other]
            assert abs(x - to_x) >= 120 or abs(y - to_y) >= 40
        for link in each.links:  # every link leads down
            assert layout.centres[link.source][1] < layout.centres[link.target][1]


def test_the_width_of_a_link_is_its_magnitude() -> None:
    text = draw(layer_picture(chain(3, decay=0.01)), (), 1.0).text
    widths = [float(width) for width in re.findall(r'class="link finite" stroke-width="([\d.]+)"', text)]
    assert widths[:3] == sorted(widths[:3])
    assert widths[0] < widths[2]


def test_a_picture_of_many_layers_stays_small() -> None:
    assert len(FORMATS["html"](result_of(chain(1000, skips=7)), Style()).encode()) < 2_000_000


def test_hostile_names_are_spelled_out() -> None:
    text = FORMATS["html"](SHARED, Style())
    assert HOSTILE not in text
    assert r"evil\x1b[2J" in text
