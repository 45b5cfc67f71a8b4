"""The board for an image of the reader's own: drawn or loaded, it is converted to every class."""

from reports.answers.introduction import pen, unseen
from reports.answers.text import noun
from reports.lab.models import Models
from reports.lab.parts import Board
from reports.lab.picker import Picker
from reports.lab.view import View
from reports.show.own import own_data
from reports.study import Study


def own_board(study: Study) -> Board:
    """A pad to draw on, with any model that fits content codes to the image under every class.

    What it finds is in the view's `fitted`: a label, the content code, errors and the image.
    """
    data = own_data(study.digits, unseen(study), noun(study.digits), pen(study))
    view = View(Models(study), "own", data=data)
    picker = Picker(view.models, view)
    return Board("own", [picker.box, view], picker.controls, view, [picker], [picker.look])
