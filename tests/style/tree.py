"""What the style checks share: finding files, cutting comments out of C, running a check.

A check is a function (root, args) -> list of complaints, each "path:line: what is wrong".
"""

import os
import re
import sys

SKIP = {'.git', '__pycache__'} # .git is a file in a worktree


def files(root, under, *endings):
    """Sorted paths, relative to root, of the files below `under` that end in one of endings (all if none)."""
    found = []
    for folder, dirs, names in os.walk(os.path.join(root, under)):
        dirs[:] = [d for d in dirs if d not in SKIP and not is_build_dir(os.path.join(folder, d))]
        for name in names:
            if name in SKIP:
                continue
            if not endings or name.endswith(endings):
                found.append(os.path.relpath(os.path.join(folder, name), root))
    return sorted(found)


def is_build_dir(path):
    return os.path.exists(os.path.join(path, 'meson-private')) or os.path.basename(path).startswith('build')


def read(root, path):
    with open(os.path.join(root, path), encoding='utf-8') as f:
        return f.read()


def c_code(text):
    """C text with comments, strings and character constants blanked; line numbers stay as they are."""
    token = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return token.sub(lambda m: re.sub(r'[^\n]', ' ', m.group()), text)


def line_of(text, offset):
    return text.count('\n', 0, offset) + 1


def main(check, argv):
    """argv: the program's own, with the root of the tree first.  Prints complaints; 1 when there are any."""
    complaints = check(argv[1], argv[2:])
    for complaint in complaints:
        print(complaint)
    sys.exit(1 if complaints else 0)
