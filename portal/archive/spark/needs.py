"""What must be installed to speak to Spark: its Python package, and a Java that can run it."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess

JAVA = 17  # the oldest that Spark 4 runs on
ANSWER_SECONDS = 60.0  # a loaded machine takes its time to start Java


def missing() -> tuple[str, str]:
    """What is not there and what brings it; two empty texts when all is."""
    if importlib.util.find_spec("pyspark") is None:
        return "Spark is not installed.", "make setup-spark installs it."
    hint = "On Debian: apt-get install openjdk-17-jre-headless"
    home = os.environ.get("JAVA_HOME")
    java = shutil.which(os.path.join(home, "bin", "java") if home else "java")
    if java is None:
        where = f"; JAVA_HOME is {home}, where there is none" if home else ""
        return f"Spark needs Java {JAVA} or newer{where}.", hint
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=ANSWER_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{java} does not run: {error}.", hint
    found = re.search(r'version "(\d+)', said.stderr)
    if found is None:
        return f"{java} does not tell its version: {said.stderr.strip()[-300:] or 'it says nothing'}", hint
    if int(found[1]) < JAVA:
        return f"Spark needs Java {JAVA} or newer; {java} is version {found[1]}.", hint
    return "", ""
