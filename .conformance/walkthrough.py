"""Runs the walk-through: every ```diff of the page is applied, every ```text is what is printed then.

    walkthrough.py PAGE COPY-OF-THE-TREE [--write]
"""

import difflib
import re
import subprocess
import sys

page_file, copy = sys.argv[1:3]
write = "--write" in sys.argv[3:]
with open(page_file, encoding="utf-8") as file:
    page = file.read()

STEP = re.compile(r"^### (?P<title>.+?)\n.*?^```diff\n(?P<diff>.*?)^```\n.*?^```text\n(?P<output>.*?)^```\n", re.M | re.S)


def comparable(text):
    """Leaves out what an edit elsewhere in the specification, or the machine, changes."""
    text = re.sub(r", \d+ s$", ", N s", text, flags=re.M)
    text = re.sub(r"openapi\.yaml:\d+", "openapi.yaml:N", text)
    text = re.sub(r"\.go:\d+(:\d+)?", ".go:N", text)
    return re.sub(r"\bline \d+", "line N", text)


def git(*args, **kwargs):
    subprocess.run(["git", "-C", copy, *args], check=True, **kwargs)


def printed(diff):
    """Returns what the edit makes of .ci/spec, without the output of the tools that it calls."""
    git("apply", "--recount", "-C1", "-", input=diff.encode())
    ran = subprocess.run([f"{copy}/.ci/spec"], cwd=copy, capture_output=True, text=True, check=False)
    git("checkout", "-q", ".")
    git("clean", "-qfd")
    verdict = [line for line in ran.stderr.splitlines() if line.startswith("spec: ")]
    if (ran.returncode == 0) == bool(verdict):
        sys.exit(f"exit code {ran.returncode}, but:\n{ran.stdout}\n{ran.stderr}")
    return ran.stdout + "".join(line + "\n" for line in verdict), ran.stderr


failed = 0
steps = list(STEP.finditer(page))
if page.count("```diff") != len(steps) or not steps:
    sys.exit(f"{page_file} has {page.count('```diff')} edits, {len(steps)} of them with an output")
for step in reversed(steps) if write else steps:
    got, details = printed(step["diff"])
    if write:
        page = page[: step.start("output")] + got + page[step.end("output") :]
    elif comparable(got) != comparable(step["output"]):
        failed += 1
        print(f"--- FAIL: {step['title']}")
        print("".join(difflib.unified_diff(step["output"].splitlines(True), got.splitlines(True), page_file, "printed")))
        print(details)
        continue
    print(f"{step['title']}: as the page says", flush=True)
if write:
    with open(page_file, "w", encoding="utf-8") as file:
        file.write(page)
if failed:
    sys.exit(f"walkthrough: {failed} of {len(steps)} edits print something else: "
             "see whether that is right, and if so run .ci/walkthrough --write")
print(f"walkthrough: {len(steps)} of {len(steps)} edits print what {page_file} says")
