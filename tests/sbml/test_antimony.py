"""Models in Antimony: the reactions that the text shows, and refusals by name."""

import sys

import pytest

import hybridrd as hrd

V = 4.0
BOX = hrd.Box(x=(0, 4))
BINDING = """
model binding
  species A = 30, B = 20, C = 0
  J0: A + B -> C; k_on*A*B - k_off*C
  J1: => A; k_in*(1 + sin(time))
  J2: 2 B => ; k_off*B*(B - 1)/2
  total := A + C
  k_on = 0.1; k_off = 2; k_in = 0.5
end
"""


def imported(source, **options):
    return hrd.from_antimony(source, **{"domain": BOX, "D": 1.0, "radius": 0.2, **options})


def test_a_model(tmp_path):
    system = imported(BINDING)
    binding, creation, loss = system.reactions
    assert binding == hrd.Reaction("A + B <-> C", k=0.1 * V, k_back=2.0, radius=0.2, name="J0")
    assert creation.equation == "0 -> A"
    assert creation.k(0.0) == pytest.approx(0.5 / V)
    assert (loss.equation, loss.k) == ("2 B -> 0", 2.0 * V)
    assert system.initial == {"A": hrd.Copies(30), "B": hrd.Copies(20), "C": hrd.Copies(0)}
    path = tmp_path / "binding.ant"
    path.write_text(BINDING)
    for place in (path, str(path)):
        assert [r.equation for r in imported(place).reactions] == [
            r.equation for r in system.reactions
        ]


def test_a_line_of_text():
    system = imported("A => B; k*A; k = 0.3; A = 5; B = 0")
    assert system.reactions == (hrd.Reaction("A -> B", k=0.3, name="_J0"),)


def test_submodels_and_files_they_import(tmp_path):
    (tmp_path / "decay.ant").write_text("model decay(S)\n  S => ; k*S; k = 0.5\nend\n")
    path = tmp_path / "main.ant"
    path.write_text('import "decay.ant"\nmodel main()\n  species A = 7\n  d: decay(A)\nend\n')
    system = imported(path)
    assert [(r.equation, r.k) for r in system.reactions] == [("A -> 0", 0.5)]
    assert system.initial == {"A": hrd.Copies(7)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A -> -> B;", "the Antimony text: not Antimony: .*line 1"),
        ("A => B; k*A; A = 5; B = 0", "the Antimony text: reaction _J0: k has no value"),
        ("A => B; floor(A); A = 5; B = 0", "reaction _J0: .*floor together with copy numbers"),
        ("A => B; B/(1 + B); A = 5; B = 0", "reaction '_J0': it is .* where there is no A"),
        ("A => B; 1*A; A = 5; B = 0; at time > 2: A = 3;", "the event _E0 is not supported"),
        ("A => B; 1*A; A = 5; B = 0; x' = 1; x = 0", "the rate rule for x is not supported"),
        ("A => B; 1*A; B = 0", "A has no initial amount"),
        ("A => ; " + "(" * 5000 + "A" + ")" * 5000, "nested more than 200 deep"),
        ("A => B; 1*A;" + "# \n" * 400_000, "1200012 characters; at most 1048576"),
        ("A => B; 1*A; \0", "a NUL character"),
        ("nothing.ant", "nothing.ant: there is no such file; give an Antimony file"),
    ],
)
def test_refusals(text, words):
    with pytest.raises(hrd.ModelError, match=words):
        imported(text)


def test_one_model_leaves_nothing_to_the_next():
    imported("A => B; k*A; k = 0.3; A = 5; B = 0")
    with pytest.raises(hrd.ModelError, match="k has no value"):
        imported("A => B; k*A; A = 5; B = 0")


def test_a_missing_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "antimony", None)
    with pytest.raises(hrd.ModelError, match=r"pip install hybridrd\[antimony\]"):
        imported(BINDING)


def test_wrong_arguments():
    with pytest.raises(hrd.ModelError, match="source = 3: the name of a file"):
        imported(3)
    with pytest.raises(TypeError, match=r"from_antimony: .*domain"):
        hrd.from_antimony(BINDING)
