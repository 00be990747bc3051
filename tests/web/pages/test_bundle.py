"""Joining modules into one; what the joined module does is seen on the page, which runs it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from vitalcast.errors import BundleError
from vitalcast.web.pages.bundle import bundle, including
from vitalcast.web.pages.static_files import BUNDLES, frontend_dir

MODULES = {
    "main.js": """/** Begins. */

import { add as plus, ZERO } from "./core/sum.js";
import * as words from "./core/words.js";
import {
  Counter,
} from "./core/counter.js";

const text = "import { no } from here";
export const result = words.join(plus(ZERO, 2), new Counter().next(), text, words.where);
console.log(result);
""",
    "core/sum.js": """export const ZERO = 0;
const hidden = 1;
export function add(a, b) {
  return a + b + hidden;
}
""",
    "core/words.js": """import { add } from "./sum.js";
const hidden = "-";
export async function later() {}
const join = (...all) => all.join(hidden) + add(0, 0);
export { join };
export const where = new URL("../vendor/x.js", import.meta.url).pathname;
""",
    "core/counter.js": """export class Counter {
  #count = 0;
  next() {
    return ++this.#count;
  }
}
""",
}


def write(root: Path, modules: dict[str, str]) -> Path:
    for name, text in modules.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def run(path: Path) -> str:
    node = shutil.which("node")
    assert node is not None, "node is needed, as for fetching the tests' browser"
    return subprocess.run([node, path], capture_output=True, text=True, check=True, timeout=30).stdout


def test_one_module_does_what_all_did(tmp_path: Path) -> None:
    root = write(tmp_path, MODULES | {"package.json": '{"type": "module"}'})
    joined, sources = bundle(root, "main.js")
    (root / "joined.js").write_bytes(joined)
    assert run(root / "joined.js") == run(root / "main.js")
    assert f"3-1-import {{ no }} from here-{root}/vendor/x.js1" in run(root / "joined.js")
    assert sorted(str(one.relative_to(root)) for one in sources) == sorted(MODULES)


def test_others_may_import_what_its_entry_exports(tmp_path: Path) -> None:
    root = write(tmp_path, MODULES | {"package.json": '{"type": "module"}'})
    (root / "joined.js").write_bytes(bundle(root, "core/words.js", exports=True)[0])
    (root / "user.js").write_text(
        'import * as all from "./joined.js"; console.log(Object.keys(all), all.join("a", "b"));'
    )
    assert run(root / "user.js") == "[ 'join', 'later', 'where' ] a-b1\n"


def test_each_module_is_run_once_and_after_those_it_imports(tmp_path: Path) -> None:
    joined = bundle(write(tmp_path, MODULES), "main.js")[0].decode()
    order = [joined.index(mark) for mark in ("ZERO = 0", 'hidden = "-"', "class Counter", "const result")]
    assert order == sorted(order)
    assert joined.count("class Counter") == 1


def test_finds_other_files_from_where_it_is_served(tmp_path: Path) -> None:
    joined, _ = bundle(write(tmp_path, MODULES), "main.js", at="static/")
    assert b'new URL("static/core/words.js", import.meta.url)' in joined


def test_a_style_sheet_becomes_one_of_the_script(tmp_path: Path) -> None:
    main = """import look from "./look.css" with { type: "css" };\nconsole.log(look.text);\n"""
    root = write(tmp_path, {"main.js": main, "look.css": 'a::before { content: "\\2014"; }\n'})
    joined, sources = bundle(root.resolve(), "main.js")
    fake = b"class CSSStyleSheet { replaceSync(text) { this.text = text; } }\n"
    (root / "joined.mjs").write_bytes(fake + joined)
    assert run(root / "joined.mjs").strip() == 'a::before { content: "\\2014"; }'
    assert {path.name for path in sources} == {"main.js", "look.css"}


def test_a_module_may_hold_another_file(tmp_path: Path) -> None:
    root = write(tmp_path, {"elements/holder.js": "a();\n/* include ../b.js */\nc();\n", "b.js": "b('\\1');\n"})
    text, sources = including(root.resolve(), "elements/holder.js")
    assert text == b"a();\nb('\\1');\n\nc();\n"
    assert {path.name for path in sources} == {"holder.js", "b.js"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("export default 1;\n", "main.js has `export default 1;`"),
        ('import "./core/sum.js";\n', "main.js has `import"),
        ('import sum from "./core/sum.js";\n', "main.js has `import sum"),
        ('export * from "./core/sum.js";\n', "main.js has `export"),
        ("export let changing = 1;\n", "main.js has `export let"),
        ('import { a } from "./none.js";\n', r"none.js is missing, and main.js needs it"),
        ('import { a } from "./core/back.js";\n', r"main.js imports itself, by way of core.back.js"),
    ],
)
def test_what_it_does_not_understand_is_an_error(tmp_path: Path, text: str, words: str) -> None:
    root = write(tmp_path, MODULES | {"main.js": text, "core/back.js": 'import { b } from "../main.js";\n'})
    with pytest.raises(BundleError, match=words):
        bundle(root.resolve(), "main.js")


@pytest.mark.parametrize("entry", BUNDLES.values())
def test_the_frontends_own_modules_can_be_joined(entry: str) -> None:
    root = frontend_dir().resolve()
    joined, sources = bundle(root, entry)
    assert len(sources) > 5
    assert not re.search(rb"^(import|export)\b", joined, re.MULTILINE)
