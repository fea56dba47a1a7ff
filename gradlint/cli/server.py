"""`gradlint server`: findings in source while it is written, for editors that speak the Language Server Protocol."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gradlint import version
from gradlint.checking.source import check_text, source_rules
from gradlint.errors import GradlintError, UsageError
from gradlint.finding import Severity
from gradlint.fixing.fixes import FIXABLE, fix_one
from gradlint.project.config import find_config, load_config
from gradlint.project.sources import exclusion_of, is_meant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lsprotocol import types as lsp
    from pygls.lsp.server import LanguageServer
    from pygls.workspace import TextDocument

    from gradlint.checking.source import FileReport
    from gradlint.finding import Finding
    from gradlint.rule import Rule

PAUSE = 0.2
"""Seconds without a key before a text is checked."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The findings in one text, and the rules that were asked."""

    findings: tuple[Finding, ...] = ()
    rules: tuple[Rule, ...] = ()


def serve() -> int:
    """Answer an editor on stdin and stdout until it leaves; gives the exit status.

    Raises:
        UsageError: pygls is not installed.
    """
    try:
        server = server_of()
    except ModuleNotFoundError as error:
        raise UsageError(
            f"gradlint server needs {error.name}; install keras-gradlint with the extra 'server'"
        ) from error
    server.start_io()
    return 0


def checked(path: Path, text: str) -> Checked:
    """What is found in a text that stands for a file, under the configuration that holds there.

    Raises:
        GradlintError: the configuration has mistakes.
    """
    folder = path.parent if path.parent.is_dir() else Path.cwd()
    config = load_config(find_config(folder), folder)
    if exclusion_of(config, ()).leaves_out(path):
        return Checked()
    said = config.settings.options
    rules = source_rules(said.select, said.ignore)
    found = check_text(text, str(path), rules).findings
    return Checked(tuple(each for each in found if not is_meant(each, str(path), config)), rules)


def server_of() -> LanguageServer:
    """The server, with all that it can do."""
    from lsprotocol import types as lsp
    from pygls.lsp.server import LanguageServer

    server = LanguageServer("gradlint", version.__version__)
    known: dict[str, Checked] = {}

    def publish(uri: str) -> None:
        document = server.workspace.get_text_document(uri)
        try:
            known[uri] = checked(Path(document.path or uri), document.source)
        except GradlintError as error:
            known[uri] = Checked()
            message = lsp.LogMessageParams(type=lsp.MessageType.Error, message=f"gradlint: {error}")
            server.window_log_message(message)
        found = [_diagnostic(document, each) for each in known[uri].findings]
        server.text_document_publish_diagnostics(
            lsp.PublishDiagnosticsParams(uri=uri, version=document.version, diagnostics=found)
        )

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: lsp.DidOpenTextDocumentParams) -> None:
        publish(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(params: lsp.DidChangeTextDocumentParams) -> None:
        await asyncio.sleep(PAUSE)
        document = server.workspace.get_text_document(params.text_document.uri)
        if document.version in (None, params.text_document.version):  # nothing was written meanwhile
            publish(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: lsp.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        known.pop(uri, None)
        server.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri=uri, diagnostics=[]))

    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    def hover(params: lsp.HoverParams) -> lsp.Hover | None:
        found = known.get(params.text_document.uri, Checked())
        here = [each for each in found.findings if each.cause.line == params.position.line + 1]
        pages = [_page(rule) for rule in found.rules if rule.code in {each.code for each in here}]
        if not pages:
            return None
        return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, "\n\n---\n\n".join(pages)))

    @server.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions([lsp.CodeActionKind.QuickFix]))
    def actions(params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        uri = params.text_document.uri
        found = known.get(uri, Checked())
        lines = range(params.range.start.line + 1, params.range.end.line + 2)
        here = [each for each in found.findings if each.cause.line in lines and each.code in FIXABLE]
        if not here:
            return []
        document = server.workspace.get_text_document(uri)
        before = check_text(document.source, str(document.path), found.rules)
        made = (_action(document, each, found.rules, before) for each in here)
        return [each for each in made if each is not None]

    return server


def _page(rule: Rule) -> str:
    return f"# {rule.code} {rule.name}\n\n{rule.advice}\n\n{rule.doc.strip()}"


def _diagnostic(document: TextDocument, finding: Finding) -> lsp.Diagnostic:
    from lsprotocol import types as lsp

    line, column = (finding.cause.line or 1) - 1, (finding.column or 1) - 1
    text = document.lines[line].rstrip("\r\n") if line < len(document.lines) else ""
    where = lsp.Range(lsp.Position(line, column), lsp.Position(line, max(len(text), column)))
    level = {Severity.ERROR: 1, Severity.WARNING: 2, Severity.INFO: 3}[finding.severity]
    return lsp.Diagnostic(
        range=document.position_codec.range_to_client_units(document.lines, where),
        message=finding.message,
        severity=lsp.DiagnosticSeverity(level),
        code=finding.code,
        source="gradlint",
    )


def _action(
    document: TextDocument, finding: Finding, rules: Sequence[Rule], before: FileReport
) -> lsp.CodeAction | None:
    from lsprotocol import types as lsp

    try:
        done = fix_one(document.source.encode(), str(document.path), finding, rules, before)
    except UsageError:  # LibCST is not installed
        return None
    if done is None:
        return None
    old, new = document.lines, done.content.decode().splitlines(keepends=True)
    start = next((at for at, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), 0)
    same = 0
    while same < min(len(old), len(new)) - start and old[-1 - same] == new[-1 - same]:
        same += 1
    where = lsp.Range(lsp.Position(start, 0), lsp.Position(len(old) - same, 0))
    edit = lsp.TextEdit(where, "".join(new[start : len(new) - same]))
    advice = next((rule.advice for rule in rules if rule.code == finding.code), "")
    return lsp.CodeAction(
        title=f"{finding.code}: {advice}" + ("" if done.is_safe else " (may change more)"),
        kind=lsp.CodeActionKind.QuickFix,
        edit=lsp.WorkspaceEdit(changes={document.uri: [edit]}),
        is_preferred=done.is_safe,
    )
