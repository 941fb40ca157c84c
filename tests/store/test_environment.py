from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from harness.store.environment import capture_commit, capture_environment

GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-C")


def git(folder: Path, *arguments: str) -> str:
    ended = subprocess.run([*GIT, str(folder), *arguments], check=True, capture_output=True)
    return ended.stdout.decode().strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / "file").write_text("1")
    git(folder, "add", "file")
    git(folder, "commit", "--quiet", "-m", "first")
    return folder


def test_the_commit_and_whether_files_differ_from_it(repository: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    below = repository / "below"
    below.mkdir()
    found = capture_environment(below)
    assert (found["git_commit"], found["git_changed"]) == (head, "no")
    (repository / "new").write_text("what git does not keep does not count")
    assert capture_environment(repository)["git_changed"] == "no"
    (repository / "file").write_text("2")
    assert capture_environment(repository)["git_changed"] == "yes"


def test_packed_branches_and_detached_heads(repository: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    git(repository, "pack-refs", "--all")
    assert capture_commit(repository) == head
    git(repository, "checkout", "--quiet", "--detach")
    assert capture_commit(repository) == head


def test_worktrees_have_commits_of_their_own(repository: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    git(repository, "worktree", "add", "--quiet", "-b", "branch", str(other))
    (other / "file").write_text("3")
    git(other, "commit", "--quiet", "-a", "-m", "second")
    head = git(other, "rev-parse", "HEAD")
    assert head != git(repository, "rev-parse", "HEAD")
    assert capture_commit(other) == head
    git(repository, "pack-refs", "--all")
    assert capture_commit(other) == head


def test_without_git_there_is_none(tmp_path: Path) -> None:
    found = capture_environment(tmp_path)
    assert "git_commit" not in found
    assert "git_changed" not in found
