"""Labels of a figure: none hides another, however near their points are."""

from exfolio.models.energetics.diagrams.label_placement import Label, place_labels
from matplotlib.figure import Figure
from matplotlib.text import Text


def test_labels_of_points_that_nearly_touch_do_not_overlap() -> None:
    figure = Figure(figsize=(5, 5), dpi=100)
    axes = figure.subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    points = [("Mn3O4", 0.50), ("Mn2O3", 0.51), ("MnO", 0.52), ("MnO2", 0.53), ("LiMn2O4", 0.50)]

    place_labels(axes, [Label(name, (at, 0.5), (1, 0)) for name, at in points])

    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in axes.texts]  # without the lines that lead to them
    assert len(boxes) == len(points)
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])
