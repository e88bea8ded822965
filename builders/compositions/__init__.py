"""From a trained generator to judged compositions: sample, screen, look up, classify, predict, judge."""
