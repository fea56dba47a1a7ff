"""The notebook of the documents, executed by a kernel, and what a browser makes of the cell.

Skipped without nbclient and ipykernel; the browser's part without Chromium. GRADLINT_SCREENSHOTS=FOLDER keeps what it
saw.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from running import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The outputs of the last cell by kind, and the folder where the notebook ran."""
    text = (ROOT / "docs" / "getting-started.md").read_text(encoding="utf-8")
    section = text.split("## In a notebook")[1].split("\n## ")[0]
    (code,) = re.findall(r"^```python\n(.*?)^```$", section, flags=re.MULTILINE | re.DOTALL)
    folder = tmp_path_factory.mktemp("notebook")
    cells = [code, "result.save('report.html')\nresult.save('flow.svg')", "print(result)"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return [cell.outputs for cell in notebook.cells], folder, section


def shown(outputs) -> Mapping[str, str]:
    (result,) = [output for output in outputs if output.output_type == "execute_result"]
    return result.data


def test_the_cell_shows_what_the_document_says(executed) -> None:
    (first, _, _), _, section = executed
    (verdict,) = re.findall(r"It says `(.*?)`", section)
    data = shown(first)
    assert data["text/plain"] == f"<gradlint.Result of sequential: {verdict}>"
    assert verdict.replace("'", "&#39;") in data["text/html"]
    assert "return keras.ops.round(x)" in data["text/html"]
    assert 'src="data:image/svg+xml;base64,' in data["text/html"]
    assert not re.search(r"<(style|script|svg)|\sclass=|ipykernel", data["text/html"])


def test_files_and_the_report_come_from_live_models_too(executed) -> None:
    (_, _, last), folder, _ = executed
    assert (folder / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert "rounded" in (folder / "flow.svg").read_text(encoding="utf-8")
    printed = "".join(output.text for output in last if output.get("name") == "stdout")
    assert printed.rstrip().endswith("result.ok is False")


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 480])
def test_a_browser_draws_the_cell(executed, scheme: str, width: int) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    colours = "background: #fff; color: #000" if scheme == "light" else "background: #111; color: #ddd"
    cell = shown(executed[0][0])["text/html"]
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.set_content(f'<meta name="color-scheme" content="light dark"><body style="{colours}">{cell}')
        page.wait_for_function("document.images[0].complete")
        assert page.evaluate("document.images[0].naturalWidth") > 100
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.get_by_text("cell In[1], line 9").first.is_visible()
        if folder := os.environ.get("GRADLINT_SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=f"{folder}/notebook-{scheme}-{width}.png", full_page=True)
        browser.close()
