"""Files and functions that one person can read at one sitting."""

from __future__ import annotations

import ast

from sources import ROOT, python_files

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
FILES = python_files("router", "plugins", "tests", "docs", "scripts", "bench")


def test_files_have_at_most_400_lines() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in FILES
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > FILE_LINES_MAX
    }
    assert not long, f"two things live in one room: {long}"


def test_functions_have_at_most_70_lines() -> None:
    long = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > FUNCTION_LINES_MAX:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name} has {lines} lines")
    assert not long, "\n".join(long)
