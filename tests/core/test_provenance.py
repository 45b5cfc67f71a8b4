"""Which code something depends on, on planted packages."""

import pytest

from glo_core.provenance import imported, syntax_hash


@pytest.fixture
def written(tmp_path):
    """Writes modules below one root, by their paths, and gives their files back."""

    def write(**modules):
        files = []
        for name, text in modules.items():
            file = tmp_path / f"{name}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            files.append(file)
        return files

    return write


def test_the_syntax_hash_ignores_comments_and_notices_code(written):
    def of(text):
        return syntax_hash(written(module=text))

    first = of('"""A."""\ndef f(x):\n    """B."""\n    return x + 1\n')
    reworded = of("# why\ndef f(x):\n\n    return (x + 1)\n")
    changed = of('"""A."""\ndef f(x):\n    """B."""\n    return x + 2\n')
    assert first == reworded != changed


def test_the_syntax_hash_does_not_depend_on_the_files_order(written):
    files = written(a="x = 1", b="y = 2")
    assert syntax_hash(files) == syntax_hash(files[::-1])


def test_modules_are_found_directly_and_through_one_another(written, tmp_path):
    files = written(
        **{
            "reports/one": "from reports import two\nimport json",
            "reports/two": "def later():\n    from reports.three import name",
            "reports/three": "from reports.one import two",  # a circle
            "reports/four": "import reports.one",
        }
    )
    assert imported("import reports.one", tmp_path) == {*files[:3]}
    assert imported("import reports.four as f, os", tmp_path) == {*files}
    assert imported("import json", tmp_path) == set()


def test_a_package_is_found_by_its_face(written, tmp_path):
    face, inner = written(
        **{"reports/__init__": "from reports.inner import name", "reports/inner": "name = 1"}
    )
    assert imported("from reports import name", tmp_path) == {face, inner}
    assert imported("from reports import inner", tmp_path) == {inner}


def test_modules_of_other_packages_are_left_out(written, tmp_path):
    """An installed library lies beside theirs: it would be followed into PyTorch."""
    own, _ = written(**{"glo_core/own": "import other.inner", "other/inner": "name = 1"})
    assert imported("import glo_core.own, other.inner", tmp_path) == {own}
