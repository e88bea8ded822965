"""Crystal structures of compositions from known structures like them, the templates."""

from .predicted_structure import Decoration, Prediction
from .ranking import NoTemplateError
from .shortlisting import Shortlist, shortlist
from .structure_prediction import Ranking, predict, realise

__all__ = ["Decoration", "NoTemplateError", "Prediction", "Ranking", "Shortlist", "predict", "realise", "shortlist"]
