"""`gradlint server` with a real client: findings as one types, the rule's text, the repair."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator  # noqa: TC003  # pytest-lsp reads the annotations
from pathlib import Path  # noqa: TC003

import pytest

from gradlint.cli import main

pytest_lsp = pytest.importorskip("pytest_lsp")
pytest.importorskip("pygls")
from lsprotocol import types as lsp  # noqa: E402

TEXT = """\
import tensorflow as tf

def step(model, opt, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(x) - y)
    g = tape.gradient(loss, model.trainable_variables)
    opt.apply_gradients({})
"""
BAD, GOOD = TEXT.format("g, model.trainable_variables"), TEXT.format("zip(g, model.trainable_variables)")


@pytest_lsp.fixture(
    config=pytest_lsp.ClientServerConfig(server_command=[sys.executable, "-m", "gradlint", "server"]),
)
async def client(lsp_client: pytest_lsp.LanguageClient, tmp_path: Path) -> AsyncIterator[None]:
    await lsp_client.initialize_session(
        lsp.InitializeParams(capabilities=lsp.ClientCapabilities(), root_uri=tmp_path.as_uri())
    )
    yield
    await lsp_client.shutdown_session()


async def opened(client: pytest_lsp.LanguageClient, file: Path, text: str) -> list[lsp.Diagnostic]:
    item = lsp.TextDocumentItem(file.as_uri(), "python", 1, text)
    client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))
    await client.wait_for_notification(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    return list(client.diagnostics[file.as_uri()])


@pytest.mark.asyncio
async def test_findings_come_and_go(client: pytest_lsp.LanguageClient, tmp_path: Path) -> None:
    file = tmp_path / "step.py"
    (found,) = await opened(client, file, BAD)
    assert (found.code, found.source, found.severity) == ("GL614", "gradlint", lsp.DiagnosticSeverity.Error)
    assert (found.range.start.line, found.range.start.character) == (6, 4)
    whole = lsp.TextDocumentContentChangeWholeDocument(GOOD)
    identifier = lsp.VersionedTextDocumentIdentifier(version=2, uri=file.as_uri())
    client.text_document_did_change(lsp.DidChangeTextDocumentParams(identifier, [whole]))
    await client.wait_for_notification(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    assert list(client.diagnostics[file.as_uri()]) == []


@pytest.mark.asyncio
async def test_the_text_of_the_rule(client: pytest_lsp.LanguageClient, tmp_path: Path) -> None:
    file = tmp_path / "step.py"
    await opened(client, file, BAD)
    this = lsp.TextDocumentIdentifier(file.as_uri())
    found = await client.text_document_hover_async(lsp.HoverParams(this, lsp.Position(6, 8)))
    assert found is not None
    assert "# GL614 unpaired-gradients" in found.contents.value
    assert await client.text_document_hover_async(lsp.HoverParams(this, lsp.Position(0, 0))) is None


@pytest.mark.asyncio
async def test_the_repair(client: pytest_lsp.LanguageClient, tmp_path: Path) -> None:
    file = tmp_path / "step.py"
    found = await opened(client, file, BAD)
    this = lsp.TextDocumentIdentifier(file.as_uri())
    actions = await client.text_document_code_action_async(
        lsp.CodeActionParams(this, found[0].range, lsp.CodeActionContext(found))
    )
    (action,) = actions or ()
    (edit,) = action.edit.changes[file.as_uri()]
    lines = BAD.splitlines(keepends=True)
    lines[edit.range.start.line : edit.range.end.line] = [edit.new_text]
    assert "".join(lines) == GOOD


@pytest.mark.asyncio
async def test_the_configuration_holds(client: pytest_lsp.LanguageClient, tmp_path: Path) -> None:
    (tmp_path / "gradlint.toml").write_text('[per-file-ignores]\n"step.py" = ["GL614"]\n')
    assert await opened(client, tmp_path / "step.py", BAD) == []
    (tmp_path / "gradlint.toml").write_text("nonsense = 1\n")
    assert await opened(client, tmp_path / "other.py", BAD) == []


@pytest.mark.asyncio
async def test_half_a_text_is_no_trouble(client: pytest_lsp.LanguageClient, tmp_path: Path) -> None:
    assert await opened(client, tmp_path / "step.py", BAD + "    with tf.Gradient(") == []


def test_without_pygls(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygls.lsp.server", None)
    assert main(["server"]) == 2
    assert "with the extra 'server'" in capsys.readouterr().err
