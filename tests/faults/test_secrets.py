"""Secrets planted in every place, and a kill with all of them still in the spool: no byte of the folder has one."""

from __future__ import annotations

from pathlib import Path

from runlog.stores import open_reader
from tests.faults.programs import MASKED
from tests.faults.running import run
from tests.recording.road import events, make_settings, recover_all, spools
from tests.recording.secrets import SECRETS, fragments


def test_no_byte_of_the_folder_has_a_secret_after_a_kill_and_a_recovery(tmp_path: Path) -> None:
    program = run("planting", tmp_path)
    assert "planted" in program.lines, program.errors
    [spool] = spools(tmp_path)
    raw = b"".join(path.read_bytes() for path in spool.iterdir())
    assert b"canary-key-10" in raw, "the secrets were on the road"
    report = recover_all(tmp_path)
    assert report.damaged == 0
    assert not spools(tmp_path)
    assert len(events(tmp_path, "run_1")) >= 8 * len(SECRETS)
    open_reader(make_settings(tmp_path)).close()
    files = {path: path.read_bytes() for path in (tmp_path / ".runlog").rglob("*") if path.is_file()}
    assert tmp_path / ".runlog" / "log.db" in files
    parts = {part.encode(): planted.name for planted in SECRETS for part in fragments(planted.canary, 12)}
    parts |= {part.encode(): "mask" for part in fragments(MASKED)}
    found = {(name, path.name) for path, content in files.items() for part, name in parts.items() if part in content}
    assert not found
